"""Captions, questions and sentences of the `demo` corpus, as `str.format` templates."""

from collections.abc import Sequence

# event -> its name, and its verb
NAMES: dict[str, tuple[str, str]] = {
    "bell": ("a bell", "ring"),
    "siren": ("a siren", "wail"),
    "drum": ("a drum", "beat"),
    "rain": ("rain", "fall"),
    "bird": ("a bird", "sing"),
    "engine": ("an engine", "run"),
}
# By number of events; a, b, c: the first, second, third event. Most have no verbs, for a verb
# gives its noun away.
CAPTIONS: dict[int, tuple[str, ...]] = {
    1: ("there is {a}", "{a} {a_verb}s", "{a} is heard", "one sound: {a}"),
    2: (
        "{a} and then {b}",
        "{a} before {b}",
        "{a} {a_verb}s before {b} {b_verb}s",
        "{a} is heard before {b}",
        "{a} comes first and {b} comes last",
        "two sounds: {a} comes before {b}",
    ),
    3: (
        "{a}, then {b} and then {c}",
        "{a} {a_verb}s, then {b} {b_verb}s and then {c} {c_verb}s",
        "{a} comes first, then {b}, and {c} comes last",
        "three sounds: {a} before {b} before {c}",
    ),
}
PARTIAL_CAPTIONS = CAPTIONS[1][:3]  # true of a scene that holds other sounds as well
PRESENCE = ("is there {a}?", "is {a} heard?", "does {a} {a_verb}?")
ORDER = (
    "does {the_a} {a_verb} before {the_b}?",
    "does {the_a} come before {the_b}?",
    "is {the_a} heard before {the_b}?",
)
EXTREMES = {
    0: ("what comes first?", "what is heard first?"),
    -1: ("what comes last?", "what is heard last?"),
}
HOW_MANY = ("how many sounds are there?", "how many sounds are heard?")
COUNTS = ("one", "two", "three")

SPOKEN = (
    "a {who} says in {a_how} voice: {text}",
    "{a_how} {who} says: {text}",
    "{a_how} voice says: {text}",
    "the voice of {a_how} {who}",
)
SENTENCES = (  # words that tell no emotion
    "the book is on the table",
    "we meet at seven today",
    "the dog is at the door",
    "the bus stops near the park",
    "she put the keys in the box",
    "he has two brothers in town",
    "they open the shop at nine",
    "the paper is under the lamp",
    "i will call you in the evening",
    "the red car is in the garage",
)
OPINION = "i thought {subject} was {adjective}"
SUBJECTS = (
    "the film",
    "the song",
    "the party",
    "the show",
    "the lesson",
    "the visit",
    "the trip",
    "the game",
)
ADJECTIVES = {  # alike in their vowels: the audio must not give the polarity away
    -1: ("bad", "poor", "tragic"),
    0: ("fast", "short", "basic"),
    1: ("grand", "good", "magic"),
}
SENTIMENT_VOICES = {-1: "sad", 0: "neutral", 1: "happy"}
SENTIMENTS = {-1: "negative", 0: "neutral", 1: "positive"}


def words_for(events: Sequence[str]) -> dict[str, str]:
    """Values for the templates above."""
    words = {}
    for letter, event in zip("abc", events, strict=False):
        words[letter], words[f"{letter}_verb"] = NAMES[event]
        words[f"the_{letter}"] = f"the {event}"
    return words
