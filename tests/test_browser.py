"""The browser that tests of pages run in."""


def test_a_script_runs(page):
    page.set_content("<p id=a></p><script>a.textContent = 6 * 7</script>")
    assert page.inner_text("#a") == "42"
