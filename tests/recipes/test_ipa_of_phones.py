"""IPA of the phones that recipes label frames with: those of a table and of ARPABET."""

import pytest

from recipes.trainer.ipa_of_phones import ipa_of_phones
from speechalign.errors import InputError
from speechalign.text.phone_sets import ARPABET


def test_a_table_has_the_phones_of_one_language(tmp_path):
    table = tmp_path / "phones.csv"
    table.write_text('language,phone,ipa,reason\nru,y,ɨ,x\nru,"u""",ʉ,x\nde,r,ʁ,x\n', "utf-8")
    assert ipa_of_phones(table, "ru") == {**ARPABET, "y": "ɨ", 'u"': "ʉ"}
    assert ipa_of_phones(table, "en") == ipa_of_phones(None, "") == ARPABET
    with pytest.raises(InputError, match=r"--language: expected the language of the phones in"):
        ipa_of_phones(table, "")
