"""Follow-ups take the subject of the last turn along; what stands alone is left alone."""

from __future__ import annotations

import pytest

from assistant.conversation import Before, before, names, parts, readings, standalone, weighs_two
from assistant.schema import Turn


@pytest.mark.parametrize(
    ("turns", "question", "expected"),
    [
        ([], "What did he say?", "What did he say?"),
        (["Who is Elon Musk?"], "What did he post on X?", "What did Elon Musk post on X?"),
        (["Who is Elon Musk?"], "What did he give to the campaign?", "What did Elon Musk give to the campaign?"),
        (["Who is Elon Musk?"], "Did Putin say that he knew?", "Did Putin say that he knew?"),
        (["Who is Elon Musk?"], "Where are his companies?", "Where are Elon Musk's companies?"),
        (["Who is Elon Musk?", "Where does he live?"], "How old is he?", "How old is Elon Musk?"),
        (["What does SpaceX build?"], "Who owns it?", "Who owns SpaceX?"),
        (
            ["What does SpaceX build?"],
            "Is it true that the rocket failed?",
            "Is it true that the rocket failed? (SpaceX)",
        ),
        (
            ["When did Butch Wilmore and Suni Williams land?"],
            "Where were they?",
            "Where were Butch Wilmore and Suni Williams?",
        ),
        (["When did Butch Wilmore land?"], "Who else was on board?", "Who else was on board? (Butch Wilmore)"),
        (
            ["When did Butch Wilmore land?", "Who else was on board?"],
            "What came next?",
            "What came next? (Butch Wilmore)",
        ),
        (["How much did Musk give in 2024?"], "And in 2023?", "How much did Musk give in 2024? And in 2023?"),
        (["Did Putin deny the calls?"], "Why?", "Did Putin deny the calls? Why?"),
        (["Did Putin deny the calls?"], "What about the Kremlin?", "Did Putin deny the calls? What about the Kremlin?"),
        (["Did Putin deny the calls?"], "How many articles mention Taiwan?", "How many articles mention Taiwan?"),
        (["who said it first?"], "What did she mean?", "What did she mean?"),
        (["What did Putin ask Musk"], "and when?", "What did Putin ask Musk? and when?"),
        (
            ["What happened at the Baltimore bridge?", "How many workers died?"],
            "And when?",
            "How many workers died (Baltimore)? And when?",
        ),
        (["What happened in Valencia?"], "What's the death toll?", "What's the death toll? (Valencia)"),
        (["What's Boeing's plan?"], "When did it say so?", "When did Boeing say so?"),
        (["Didn't Putin deny it?"], "When did he?", "When did Putin?"),
        (["Give me the toll in Valencia"], "When did it rise?", "When did Valencia rise?"),
        (["What did the U.S. say about TikTok?"], "Why does it want a sale?", "Why does U.S. want a sale?"),
        (["What did J.D. Vance say?"], "When did he say so?", "When did J.D. Vance say so?"),
        (["When did George W. Bush speak?"], "Where was he?", "Where was George W. Bush?"),
        (["What does xAI build?"], "When was it founded?", "When was xAI founded?"),
        (["What did Özgür Özel say about Erdoğan?"], "Where is he?", "Where is Özgür Özel?"),
        (["In October 2024, how much did Musk give?"], "Why did he give it?", "Why did Musk give it?"),
        (["What did the OpenAI board do?"], "What happened in November?", "What happened in November? (OpenAI)"),
        (
            ["How many cars did BYD sell in 2024?", "What about Tesla?"],
            "Where are its factories?",
            "Where are Tesla's factories?",
        ),
        (["What did Putin say in Moscow?", "And in Paris?"], "When did he say so?", "When did Putin say so?"),
        (["Tell me about the Valencia flood."], "Why?", "Tell me about the Valencia flood? Why?"),
        (["How many cars did BYD sell?", "And in March?"], "Where are its factories?", "Where are BYD's factories?"),
        (["What did CrowdStrike say?"], "Which IT systems failed?", "Which IT systems failed? (CrowdStrike)"),
        (
            ["What did CrowdStrike say?"],
            "How long did it take to reopen the port of Baltimore?",
            "How long did it take to reopen the port of Baltimore?",
        ),
    ],
)
def test_standalone(turns: list[str], question: str, expected: str) -> None:
    assert standalone(question, [Turn(earlier) for earlier in turns]) == expected


@pytest.mark.parametrize(
    ("asked", "answer", "question", "expected"),
    [
        (
            "Who was on sick leave from the Aldwick hospital?",
            "The director, Alan Holt, has been on sick leave since 12 December.",
            "Who stood in for him?",
            "Who stood in for Alan Holt? (Aldwick)",
        ),
        ("Who runs it?", "Mara Lind runs the yard.", "How old is she?", "How old is Mara Lind?"),
        (  # told whom, and of what, is not who was asked for
            "Which former assistant accused the mayor of Tavel?",
            "A member of the Harbour Council, Brian Tull, told Sample Wire that the Salt Party knew.",
            "Why did he leave?",
            "Why did Brian Tull leave? (Tavel)",
        ),
        (
            "Who was the UN envoy?",
            "Between them sat the United Nations envoy, Ingrid Solheim.",
            "And her deputy?",
            "And Ingrid Solheim's deputy? (UN)",
        ),
        ("Who is Elon Musk?", "Elon Musk leads Tesla.", "Where was he born?", "Where was Elon Musk born?"),
        (
            "Who met Elon Musk?",
            "Elon Musk met Dmitry Peskov.",
            "And when did he leave?",
            "And when did Dmitry Peskov leave? (Elon Musk)",
        ),
        ("Who is Elon Musk?", "Musk, 53, ran Tesla beside Donald Trump.", "How old is he?", "How old is Elon Musk?"),
        ("Which hospital treated Alan Holt?", "Saint Mary Hospital.", "When did he die?", "When did Alan Holt die?"),
        (
            "Which former lawyer shot Alan Holt?",
            "On Tuesday Brian Tull did.",
            "Who saw him there?",
            "Who saw Brian Tull there? (Alan Holt)",
        ),
        (
            "Who killed Alan Holt?",
            "Police in New Haven arrested Brian Tull.",
            "How old is he?",
            "How old is Brian Tull? (Alan Holt)",
        ),
        (
            "To whom was the prize given?",
            "The prize was awarded to Jon Fosse, according to Sample Wire.",
            "Did he come?",
            "Did Jon Fosse come?",
        ),
        (
            "Who was arrested in Tavel?",
            "Alan Holt was.",
            "How many independent sources report that he resigned?",
            "How many independent sources report that Alan Holt resigned? (Tavel)",
        ),
        ("Who won?", "Ida Brandt won.", "And who beat her in May?", "And who beat Ida Brandt in May?"),
        ("Who picked the deputy?", "Ida Brandt did.", "Why did she choose him?", "Why did she choose him?"),
        ("What did Musk say?", "Musk praised Tucker Carlson.", "When did he say so?", "When did Musk say so?"),
        ("Who mends the mill?", "A woman of 24 does.", "Where does she live?", "Where does she live?"),
        ("Who lent to it?", "Bank of America did.", "Where does he sit now?", "Where does he sit now?"),
        (
            "What became of the field in Velmora's calendar?",
            "The field has gone.",
            "And what replaced it?",
            "What became of the field in Velmora's calendar? And what replaced it?",
        ),
    ],
)
def test_he_and_she_are_whom_the_last_answer_names(asked: str, answer: str, question: str, expected: str) -> None:
    assert standalone(question, [Turn(asked, answer)]) == expected


def test_a_person_is_looked_for_at_the_beginning_of_a_long_answer_only() -> None:
    assert (
        standalone("Why did he?", [Turn("Who did it?", "Alan Holt did. " + "So it went. " * 99_999)])
        == "Why did Alan Holt?"
    )
    last = "in Some Place " * 100_000 + "Alan Holt did."
    assert standalone("Why did he?", [Turn("Who did it?", last)]) == "Who did it? Why did he?"


def test_names_are_capitalised_runs_that_do_not_open_the_question() -> None:
    assert names("Did Elon Musk's America PAC pay Bank of America?") == ["Elon Musk's America PAC", "Bank of America"]
    assert names("Which bank paid?") == []


@pytest.mark.parametrize(
    ("question", "asked"),
    [
        ("How many came and left?", ["How many came and left?"]),
        ("Who won and by how much did Musk lose?", ["Who won?", "by how much did Musk lose?"]),
        ("What did Fischer say, and when did he resign?", ["What did Fischer say?", "when did Fischer resign?"]),
        (  # nothing is named in the second: it cannot be asked alone
            "When did it begin, and when did it end?",
            ["When did it begin?", "When did it begin, and when did it end?"],
        ),
        (
            "Wer leitet RWE, und in welchem Jahr begann Krebber?",
            ["Wer leitet RWE?", "in welchem Jahr begann Krebber?"],
        ),
        (  # without the museum nobody knows which curator
            "Was the curator dismissed before or after the British Museum went public?",
            [
                "Was the curator dismissed before or after the British Museum went public?",
                "When the British Museum went public?",
            ],
        ),
        (
            "Did Kaseya speak before or after he visited Kinshasa?",
            ["When did Kaseya speak?", "When Kaseya visited Kinshasa?"],
        ),
        (
            "Did Musk reply before or after the launch, and what did NASA answer?",
            ["Did Musk reply before or after the launch?", "what did NASA answer?"],
        ),
        (
            "Who paid more for the bridge, Maryland or the insurers?",
            ["Who paid more for the bridge? (Maryland)", "Who paid more for the bridge? (the insurers)"],
        ),
        (
            "Welches Kraftwerk ging früher vom Netz, Isar 2 oder Emsland?",
            ["Welches Kraftwerk ging früher vom Netz? (Isar 2)", "Welches Kraftwerk ging früher vom Netz? (Emsland)"],
        ),
        (
            "Which happened first, the landing of Starliner or the start of Crew-9?",
            ["When was the landing of Starliner?", "When was the start of Crew-9?"],
        ),
        (
            "At the British Museum, did the spot check or the bigger audit take place first?",
            [
                "At the British Museum, when did the spot check take place?",
                "At the British Museum, when did the bigger audit take place?",
            ],
        ),
        (
            "¿Quién pagó más, Maryland o el Estado?",
            ["Quién pagó más? (Maryland)", "Quién pagó más? (el Estado)"],
        ),
        (
            "Did Ida Brandt resign before or after the flood? (Velmora)",
            ["When did Ida Brandt resign? (Velmora)", "When the flood? (Velmora)"],
        ),
        (  # both are about what a follow-up took along
            "How many people died and who was blamed? (Key Bridge)",
            ["How many people died? (Key Bridge)", "who was blamed? (Key Bridge)"],
        ),
        (  # what a follow-up took along was asked before
            "How much did Musk give in 2024? And what did Putin say?",
            ["How much did Musk give in 2024? And what did Putin say?"],
        ),
    ],
)
def test_questions_asked_in_one_are_told_apart(question: str, asked: list[str]) -> None:
    assert list(parts(question)) == asked


@pytest.mark.parametrize(
    "question",
    [
        "How many people were killed, injured or missing?",
        "When the bridge fell, was anyone injured or missing?",
        "What did Biden say about Ukraine, NATO or the EU?",
        "What caused the outage, a cyberattack or a faulty update?",
        "Wer zahlt, wenn die Brücke oder der Hafen schließt?",
        "Was he dismissed before or after August 2023?",
        "Was the curator dismissed before or after the museum went public?",
        "Did Fischer resign? And before or after Osborne?",
        "Who paid more, the state or the insurers? (Key Bridge)",
        "Did Rome or Milan win the first prize?",
        "Did Russia or Ukraine attack the dam first?",
        "Did the Kremlin confirm or deny the report first?",
        "Was the bridge hit by a ship or a barge closed first?",
        "Were more people hurt by the storm or the flood last?",
    ],
)
def test_what_is_neither_a_comparison_nor_two_questions_is_asked_once(question: str) -> None:
    assert parts(question) == (question,)


@pytest.mark.parametrize(
    ("question", "understood"),
    [
        (
            "Who sees no reason to restrict travel because of mpox?",
            [
                "Who sees no reason to restrict travel because of mpox? (Hartwig Fischer)",
                "Who sees no reason to restrict travel because of mpox?",
            ],
        ),
        ("Who else was on board?", ["Who else was on board? (Hartwig Fischer)"]),
        (
            "What did he say of the dealer who had warned the museum?",
            ["What did Hartwig Fischer say of the dealer who had warned the museum?"],
        ),
    ],
)
def test_a_question_that_names_nothing_may_start_something_new(question: str, understood: list[str]) -> None:
    assert list(readings(question, [Turn("When did Hartwig Fischer resign?")])) == understood


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("Why did she resign?", Before("Mara Lind resigned.", again=True)),
        ("And in 2023?", Before("Mara Lind resigned.", again=False)),
        ("How many articles mention Taiwan?", Before()),
        ("Who was hurt in the night of the storm at the harbour?", Before()),
    ],
)
def test_what_a_question_goes_on_from(question: str, expected: Before) -> None:
    turns = [Turn("Did Mara Lind resign?", "Mara Lind resigned.")]
    assert before(question, turns, standalone(question, turns)) == expected


@pytest.mark.parametrize(
    ("question", "weighs"),
    [
        ("Was the curator dismissed before or after the museum went public?", True),
        ("Were more cases tested in 2025 than in 2024?", True),
        ("Who was first to declare an emergency?", True),
        ("Was der Anteil 2021 oder 2023 größer?", True),
        ("¿Fue antes el incendio?", True),
        ("How many people were killed last year?", False),
        ("Qui a fermé le pont, et où ?", False),
        ("Que dit le Kremlin de cet appel ?", False),
    ],
)
def test_a_question_that_weighs_two_things_is_known(question: str, weighs: bool) -> None:
    assert weighs_two(question) is weighs
