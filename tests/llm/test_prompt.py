"""The messages of a prompt: what is kept of the history, and who gets examples."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from services.llm.persona import PERSONA
from services.llm.prompt import DROPPED_TOGETHER, PastExchange, assemble, opening, tokens
from services.llm.providers.language_provider import ChatMessage

HISTORY = [PastExchange(f"question {index}", f"answer {index}") for index in range(20)]


def test_prompt_keeps_persona_all_history_and_words_when_they_fit() -> None:
    messages = assemble(opening("Be brief.", examples=False), HISTORY, "Now?", 10_000)

    assert messages is not None
    assert messages[0] == ChatMessage("system", "Be brief.")
    assert messages[1:3] == [ChatMessage("user", "question 0"), ChatMessage("assistant", "answer 0")]
    assert messages[-1] == ChatMessage("user", "Now?")
    assert len(messages) == 2 + 2 * len(HISTORY)


@given(st.integers(0, 700))
def test_prompt_drops_the_oldest_some_at_a_time_until_it_fits(budget: int) -> None:
    start = opening("Be brief.", examples=False)

    messages = assemble(start, HISTORY, "Now?", budget)

    if messages is None:
        assert tokens([*start, ChatMessage("user", "Now?")]) > budget
        return
    assert tokens(messages) <= budget
    kept = (len(messages) - 2) // 2
    assert (len(HISTORY) - kept) % DROPPED_TOGETHER == 0
    if kept:
        assert messages[1].text == f"question {len(HISTORY) - kept}"
    if kept + DROPPED_TOGETHER <= len(HISTORY):
        longer = HISTORY[len(HISTORY) - kept - DROPPED_TOGETHER :]
        more = [ChatMessage("user", past.user_text + past.assistant_text) for past in longer]
        assert tokens([*messages[:1], *more, messages[-1]]) + 5 * len(more) + 2 * len(more) > budget


def test_small_models_get_examples_and_a_name_only_with_the_services_persona() -> None:
    own, other = opening("", examples=True), opening("You are Bob.", examples=True)

    assert own[0].text == PERSONA
    assert any("Mai" in message.text for message in own[1:])
    assert not any("Mai" in message.text for message in other)
    assert [message.role for message in own[1:]] == ["user", "assistant"] * (len(own) // 2)
