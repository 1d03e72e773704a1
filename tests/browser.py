"""A headless Chromium for the tests of pages: the fixtures ``chromium`` and ``page``.

Playwright drives the browser of the system, Debian's package ``chromium`` or Chrome, so that
nothing but a package registry is needed (tools/chromium.sh).
"""

import shutil

import pytest


@pytest.fixture(scope="session")
def chromium():
    """Return a running browser; skip where Playwright or Chromium is not installed."""
    api = pytest.importorskip("playwright.sync_api", reason="needs playwright")
    program = next(filter(None, map(shutil.which, ("chromium", "google-chrome"))), None)
    if program is None:
        pytest.skip("needs Chromium: apt-get install chromium")
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program)
        yield browser
        browser.close()


@pytest.fixture
def page(chromium):
    """Return an empty page; the test fails if a script of it does."""
    with chromium.new_context(viewport={"width": 1280, "height": 800}) as context:
        page = context.new_page()
        errors = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.set_default_timeout(10_000)
        yield page
    assert errors == []


def wait_until(page, expression):
    """Wait until an expression is true, where the page forbids Playwright's own `eval`."""
    for _ in range(500):
        if page.evaluate(f"Boolean({expression})"):
            return
        page.wait_for_timeout(20)
    pytest.fail(f"this has not come true: {expression}")
