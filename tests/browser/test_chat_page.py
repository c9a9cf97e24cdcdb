"""What a reader does on the chat page, in a real browser."""

from __future__ import annotations

import gc
import re

import httpx
import pytest
from gradio.state_holder import StateHolder
from playwright.sync_api import Browser, Page, expect

from assistant import Assistant
from tests.browser.conftest import Window, serving, serving_app
from tests.browser.stand_in import CONTACTS, HOSTILE, StandIn

pytestmark = pytest.mark.browser

# Its answer stands at the end of a long article.
TOTAL = "How much has Musk given to the campaign in total?"
TOTAL_QUOTE = "Musk has given more than 129 million dollars to the campaign in total, filings show."
TAIWAN = "What did Putin ask Musk about Starlink over Taiwan?"
UNANSWERABLE = "Which orchestra played at the Kremlin on Sunday?"


def ask(page: Page, question: str) -> None:
    page.fill("#question textarea", question)
    page.keyboard.press("Enter")


def answered(page: Page, count: int = 1) -> None:
    expect(page.locator("#chat .answer.foot, #chat .foot")).to_have_count(count)


def in_view(page: Page, selector: str) -> bool:
    script = "e => { const r = e.getBoundingClientRect(); return r.top >= 0 && r.bottom <= innerHeight && r.width > 0 }"
    return bool(page.locator(selector).evaluate(script))


def as_wide_as_the_screen(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth <= innerWidth"))


def test_a_click_on_a_citation_marks_exactly_the_quote_in_view(window: Window) -> None:
    page = window()
    ask(page, TOTAL)
    page.click("a.cite >> nth=0")
    mark = page.locator("mark#quote")
    expect(mark).to_be_in_viewport(ratio=1)
    assert mark.evaluate("e => e.textContent") == TOTAL_QUOTE
    assert f"“{TOTAL_QUOTE}”" in page.locator("#chat .quote").first.inner_text()
    panel = page.locator("#source-panel")
    expect(panel.locator("h2")).to_have_text(CONTACTS.title)
    expect(panel.locator(".meta")).to_have_text("Sample Courier, 25 October 2024, updated 26 October 2024")
    expect(panel.locator(".address a")).to_have_attribute("rel", "noopener noreferrer")
    expect(panel.locator(".text h3").first).to_have_text("## A request about Taiwan")
    assert page.title() == "News assistant"
    assert page.locator("html").get_attribute("lang") == "en"


def test_the_keyboard_alone_is_enough(window: Window) -> None:
    page = window()
    page.locator("a.example").first.or_(page.locator("#question textarea")).first.focus()
    ask(page, TOTAL)
    answered(page)
    page.locator("a.cite").first.focus()
    assert page.locator("a.cite").first.evaluate("e => e.matches(':focus-visible')")
    page.keyboard.press("Enter")
    expect(page.locator("mark#quote")).to_be_in_viewport()
    expect(page.locator("#source-title")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator("a.cite").first).to_be_focused()


def test_a_decline_says_so_and_offers_articles_that_open(window: Window) -> None:
    page = window()
    ask(page, UNANSWERABLE)
    expect(page.locator("#chat .no-answer")).to_have_text("The articles here do not answer this.")
    expect(page.locator("#chat a.cite")).to_have_count(0)
    nearest = page.locator("#chat .nearest a").first
    expect(page.locator("#chat .nearest .by").first).to_have_text(re.compile(r", (\d+ \w+ \d{4}|undated)$"))
    nearest.click()
    expect(page.locator("#source-panel h2")).to_have_text(nearest.inner_text())
    expect(page.locator("mark#quote")).to_have_count(0)


def test_an_example_asks_at_once_and_stages_are_shown(window: Window, stand_in: StandIn) -> None:
    stand_in.seconds = 1.0
    page = window()
    page.click("a.example >> nth=0")
    expect(page.locator("#chat .question")).to_be_visible()
    expect(page.locator("#chat .stage")).to_have_text("Searching 3 articles…")
    answered(page)
    expect(page.locator("#chat .stage")).to_have_count(0)


def test_hostile_text_stays_text(window: Window) -> None:
    page = window()
    ask(page, "What did the zebra said <img src=http://tracker.example/q.png> ![q](http://tracker.example/q.png)")
    page.click("a.cite >> nth=0")
    mark = page.locator("mark#quote")
    expect(mark).to_be_visible()
    quote = mark.evaluate("e => e.textContent")
    assert quote in HOSTILE.text
    assert "<img src=" in quote
    assert "{{constructor}}" in quote
    assert quote in page.locator("#chat .quote").first.evaluate("e => e.textContent")
    expect(page.locator("#source-panel h2")).to_have_text(HOSTILE.title)
    expect(page.locator("#source-panel .address")).to_have_count(0)  # javascript: is no address
    page.get_by_role("tab", name="Corpus").click()
    page.locator("#articles a", has_text="Zebra").click()
    expect(page.locator("#articles td.id", has_text="onerror")).to_be_visible()
    page.wait_for_timeout(300)
    assert page.evaluate("window.bitten") is None
    inside = ":is(#chat .answer, #chat .question, #source-panel .source, #articles table)"
    assert page.locator(f"{inside} :is(img, script, iframe, svg, code, strong, em, .katex)").count() == 0
    assert page.locator("#chat a:not([href^='#cite-']):not([href^='#article-'])").count() == 0


def test_what_is_typed_while_it_answers_stays(window: Window, stand_in: StandIn) -> None:
    stand_in.seconds = 2.0
    page = window()
    ask(page, TOTAL)
    expect(page.locator("#chat .stage")).to_be_visible()
    expect(page.locator("#question textarea")).to_have_value("")
    ask(page, TAIWAN)  # too early: it waits in the field
    answered(page)
    expect(page.locator("#chat .question")).to_have_count(1)
    expect(page.locator("#question textarea")).to_have_value(TAIWAN)
    expect(page.locator("#send")).to_be_enabled()
    page.click("#send")
    answered(page, 2)
    expect(page.locator("#question textarea")).to_have_value("")


def test_an_error_keeps_the_question_and_says_what_to_do(window: Window) -> None:
    page = window()
    ask(page, "long " * 500)
    expect(page.locator("#chat .problem")).to_contain_text("The question is longer than 2,000 characters")
    expect(page.locator("#chat .problem")).to_contain_text("Ask something shorter.")
    expect(page.locator("#chat .question")).to_contain_text("long long")
    ask(page, TOTAL)
    answered(page)


def test_citations_of_earlier_answers_stay_their_own(window: Window) -> None:
    page = window()
    ask(page, TOTAL)
    answered(page)
    ask(page, TAIWAN)
    answered(page, 2)
    page.click("a[href='#cite-2-1']")
    expect(page.locator("mark#quote")).to_contain_text("Taiwan")
    page.click("a[href='#cite-1-1']")
    expect(page.locator("mark#quote")).to_have_text(TOTAL_QUOTE)
    page.evaluate("document.getElementById('source-side').scrollTop = 0")
    page.click("a[href='#cite-1-1']")  # asked for again
    expect(page.locator("mark#quote")).to_be_in_viewport(ratio=1)


def test_two_readers_share_nothing_and_a_new_conversation_is_empty(window: Window) -> None:
    first, second = window(), window()
    ask(first, TOTAL)
    answered(first)
    ask(second, TAIWAN)
    answered(second)
    second.click("a.cite >> nth=0")
    expect(second.locator("mark#quote")).to_contain_text("Taiwan")
    first.click("a.cite >> nth=0")
    expect(first.locator("mark#quote")).to_have_text(TOTAL_QUOTE)
    first.click("#fresh")
    expect(first.locator("#chat .welcome")).to_be_visible()
    expect(first.locator("#source-panel")).to_contain_text("Click a citation to see it in its article.")
    expect(second.locator("#chat .question")).to_have_count(1)


def test_a_removed_article_is_only_named(window: Window, stand_in: StandIn) -> None:
    page = window()
    ask(page, TOTAL)
    answered(page)
    stand_in.remove(CONTACTS.id)
    page.click("a.cite >> nth=0")
    panel = page.locator("#source-panel")
    expect(panel.locator("h2")).to_have_text(CONTACTS.title)
    expect(panel).to_contain_text("This article was removed on 23 November 2026.")
    expect(panel).not_to_contain_text("129 million")


def test_filters_limit_the_articles_and_are_written_down(window: Window) -> None:
    page = window()
    page.click("#filters button")
    page.get_by_label("To", exact=True).fill("2024-10-01")
    ask(page, TOTAL)
    expect(page.locator("#chat .limits")).to_have_text("Only until 1 October 2024")
    expect(page.locator("#chat .no-answer")).to_be_visible()
    page.get_by_label("To", exact=True).fill("")
    page.get_by_label("Source").click()
    page.get_by_role("option", name="Sample Wire").click()
    ask(page, "How much did Musk give to America PAC?")
    expect(page.locator("#chat .limits").last).to_have_text("Only articles from Sample Wire")
    expect(page.locator("#chat .by").last).to_contain_text("Sample Wire")


def test_a_date_typed_in_part_holds_the_question_back(window: Window) -> None:
    page = window()
    page.click("#filters button")
    day = page.get_by_label("To", exact=True)
    expect(day).to_have_attribute("type", "date")
    day.focus()
    page.keyboard.type("10")
    ask(page, TOTAL)
    page.click("#send")
    expect(page.locator("#chat .question")).to_have_count(0)
    expect(page.locator("#question textarea")).to_have_value(TOTAL)
    day.fill("2025-01-01")
    page.click("#send")
    expect(page.locator("#chat .limits")).to_have_text("Only until 1 January 2025")


def test_another_citation_of_the_same_quote_brings_it_into_view_again(window: Window) -> None:
    page = window(width=390, height=800)
    for count in (1, 2):
        ask(page, TOTAL)
        answered(page, count)
    for link in ("#cite-1-1", "#cite-2-1"):
        page.click(f'a[href="{link}"]')
        expect(page.locator(f'#source-panel [data-of="{link}"] #quote')).to_be_visible()
        expect(page.locator("#source-title")).to_be_focused()
        assert in_view(page, "#quote")
        page.click("#source-panel .back")
        expect(page.locator(f'a[href="{link}"]')).to_be_focused()


def test_a_conversation_that_the_server_forgot_is_said_to_be_gone(window: Window) -> None:
    page = window()
    ask(page, TOTAL)
    answered(page)
    for holder in [one for one in gc.get_objects() if isinstance(one, StateHolder)]:
        for kept in holder.session_data.values():
            kept.state_data.clear()
    ask(page, TAIWAN)
    expect(page.locator("#chat .problem")).to_contain_text("no longer kept")


def test_a_new_conversation_ends_the_answer_that_is_being_made(window: Window, stand_in: StandIn) -> None:
    stand_in.seconds = 1.0
    page = window()
    ask(page, TOTAL)
    expect(page.locator("#chat .stage")).to_be_visible()
    page.click("#fresh")
    expect(page.locator("#chat .welcome")).to_be_visible()
    page.wait_for_timeout(1500)
    expect(page.locator("#chat .question")).to_have_count(0)
    ask(page, TAIWAN)
    answered(page)
    page.click("a[href='#cite-1-1']")
    expect(page.locator("mark#quote")).to_contain_text("Taiwan")


def test_the_corpus_tab_is_searched_sorted_and_opens_articles(window: Window, stand_in: StandIn) -> None:
    page = window()
    page.get_by_role("tab", name="Corpus").click()
    rows = page.locator("#articles tbody tr")
    expect(rows).to_have_count(3)
    page.click("th.title button")
    expect(page.locator("th.title")).to_have_attribute("aria-sort", "ascending")
    expect(rows.first).to_contain_text("<script>")
    page.fill("#find :is(input, textarea)", "sample wire")
    expect(rows).to_have_count(1)
    rows.first.locator("a").click()
    expect(page.locator("#source-panel h2")).to_have_text("New filings show what Musk gave")
    stand_in.remove(CONTACTS.id)
    page.get_by_role("tab", name="Conversation").click()
    page.fill("#question textarea", "")
    page.get_by_role("tab", name="Corpus").click()
    expect(page.locator("#articles .count")).to_contain_text("of 2 articles")


def test_on_a_phone_nothing_is_wider_than_the_screen(window: Window) -> None:
    page = window(width=390, height=844, has_touch=True, is_mobile=True)
    assert as_wide_as_the_screen(page)
    ask(page, TOTAL)
    answered(page)
    assert as_wide_as_the_screen(page)
    page.tap("a.cite >> nth=0")
    expect(page.locator("mark#quote")).to_be_in_viewport(ratio=1)
    assert as_wide_as_the_screen(page)
    page.tap(".back")
    expect(page.locator("a.cite").first).to_be_in_viewport()
    page.get_by_role("tab", name="Corpus").tap()
    expect(page.locator("#articles table")).to_be_visible()
    assert as_wide_as_the_screen(page)


def test_without_articles_the_page_says_how_to_add_one(chromium: Browser, window: Window) -> None:
    with serving(StandIn([])) as url:
        page = window(url)
        expect(page.locator(".welcome")).to_contain_text("assistant add FILE")
        expect(page.locator("a.example")).to_have_count(0)
        ask(page, TOTAL)
        expect(page.locator("#chat .no-answer")).to_be_visible()


def test_the_page_adds_no_public_api_and_takes_no_files(address: str) -> None:
    found = httpx.get(f"{address}gradio_api/info").json()
    assert found == {"named_endpoints": {}, "unnamed_endpoints": {}}
    sent = httpx.post(f"{address}gradio_api/upload", files={"files": ("a.txt", b"some bytes")})
    assert sent.status_code >= 400
    answer = httpx.get(address)
    assert "default-src 'self'" in answer.headers["content-security-policy"]


def test_the_shipped_corpus_through_the_real_door(newsroom: Assistant, chromium: Browser, window: Window) -> None:
    from assistant.api import build_app

    with serving_app(build_app(newsroom)) as url:
        page = window(url)
        page.click("a.example >> nth=0")
        page.click("a.cite >> nth=0")
        quote = page.locator("mark#quote")
        expect(quote).to_be_in_viewport(ratio=1)
        assert page.locator("#chat .quote").first.inner_text() == f"“{quote.evaluate('e => e.textContent')}”"
