"""Each rule on the source detects a planted violation and names it."""

import pytest

from tests.contracts import language, vocabulary
from tests.contracts.language import Source

SHOP = language.SHOP


def source(text: str, path: str = f"{SHOP}orders/model/order.py") -> Source:
    return Source(path, text)


# ---------------------------------------------------------------------- names


def test_class_name_in_two_modules_is_detected() -> None:
    here = source("class Terms: ...")
    elsewhere = source("class Order: ...\n\nclass Terms: ...", f"{SHOP}cart/model.py")
    (found,) = language.repeated_classes([here, elsewhere])
    assert found == (
        f"Terms is defined 2 times: {SHOP}orders/model/order.py:1, {SHOP}cart/model.py:3"
    )


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("class _Row: ...", f"{SHOP}cart/store.py"),  # private
        ("class Order:\n    class Meta: ...", f"{SHOP}cart/store.py"),  # nested
        ("class Terms: ...", "infra/stages.py"),  # not in shop
    ],
)
def test_private_and_nested_classes_and_classes_outside_shop_may_share_a_name(
    text: str, path: str
) -> None:
    here = source("class _Row: ...\nclass Terms:\n    class Meta: ...")
    assert language.repeated_classes([here, source(text, path)]) == []


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("class FrontDoor: ...", "FrontDoor"),
        ("def through_the_door() -> None: ...", "through_the_door"),
        ("async def hang_doors() -> None: ...", "hang_doors"),
        ("def handle(door: int) -> None: ...", "door"),
        ("def handle(*doors: int) -> None: ...", "doors"),
        ("def handle(*, door: int) -> None: ...", "door"),
        ("handle = lambda door: 1", "door"),
        ("DOORS = 1", "DOORS"),
        ("door: int = 1", "door"),
        ("class Row:\n    door: int", "door"),
        ("for door in range(3): ...", "door"),
        ("with open('x') as door: ...", "door"),
        ("if door := 1: ...", "door"),
        ("[1 for door in ()]", "door"),
        ("self.door = 1", "door"),
        ("print(request.door)", "door"),
        ("dict(door=1)", "door"),
        ("import handlers as doors", "doors"),
        ("from shop.entrypoints import handler as door", "door"),
        ("try: ...\nexcept KeyError as door: ...", "door"),
        ("match 1:\n    case door: ...", "door"),
        ("match []:\n    case [*doors]: ...", "doors"),
        ("match {}:\n    case {**doors}: ...", "doors"),
        ("match 1:\n    case Row(door=1): ...", "door"),
        ("class HTTPDoor: ...", "HTTPDoor"),
    ],
)
def test_denied_word_is_detected_in_every_kind_of_name(text: str, name: str) -> None:
    (found,) = language.denied_names([source(text)])
    assert f" {name}: " in found
    assert found.endswith("instead of: handler")


def test_denied_word_in_the_name_of_a_folder_is_detected() -> None:
    (found,) = language.denied_names([source("", "tests/workshop/test_ports.py")])
    assert "workshop: 'workshop', instead of: local development environment" in found


@pytest.mark.parametrize("word", sorted(vocabulary.DENIED))
def test_every_denied_word_is_detected(word: str) -> None:
    assert language.denied_names([source(f"a_{word}_here = 1")])
    assert language.denied_names([source(f"class The{word.title()}: ...")])


@pytest.mark.parametrize("phrase", sorted(vocabulary.DENIED_PHRASES))
def test_every_denied_phrase_is_detected(phrase: tuple[str, ...]) -> None:
    assert language.denied_names([source(f"an_order_{'_'.join(phrase)} = 1")])
    assert language.denied_names([source(f"class {''.join(map(str.title, phrase))}: ...")])


@pytest.mark.parametrize("name", sorted(vocabulary.DENIED_NAMES))
def test_denied_name_is_detected_as_a_whole_name_in_the_application(name: str) -> None:
    assert language.denied_names([source(f"def act(*, {name}: str) -> None: ...")])
    assert language.denied_names([source(f"def act_{name}_x() -> None: ...")]) == []
    assert language.denied_names([source(f"{name} = 1", "tests/unit/test_x.py")]) == []


@pytest.mark.parametrize(
    "text",
    [
        "warehouse = doorbuster = background = distill = 1",  # other words
        "waiting_room = WAITING_ROOMS = dead_letter_queue = 1",
        "class WaitingRoomRow: ...\nclass LedgerEntry: ...\nclass DeadLetterQueue: ...",
        "import math\nprint(math.floor(1.5))",  # a library's name
        "from math import floor\nprint(floor(1.5))",
        "print('a door', order['door'])  # the door",  # strings and comments
        '"""The door."""',
    ],
)
def test_other_words_library_names_and_texts_are_accepted(text: str) -> None:
    assert language.denied_names([source(text)]) == []


def test_word_with_a_technical_meaning_is_accepted_in_its_place_only() -> None:
    text = "class RoomRow: ..."
    assert language.denied_names([source(text, f"{SHOP}peak/store/rows.py")]) == []
    assert language.denied_names([source(text, f"{SHOP}orders/store/rows.py")])


def test_denied_word_beside_an_allowed_phrase_is_detected() -> None:
    (found,) = language.denied_names([source("waiting_room_door = 1")])
    assert "'door'" in found
    assert "'room'" not in found


def test_name_of_a_module_of_the_project_is_checked() -> None:
    text = "from shop.orders import model\nprint(model.floor)"
    assert language.denied_names([source(text)])


def test_exemption_is_valid_in_its_place_only_and_an_unneeded_one_is_detected(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    exemptions = {("infra/", "door"): "a name of the CDK", ("infra/", "floor"): "another one"}
    monkeypatch.setattr(vocabulary, "EXEMPTIONS", exemptions)
    infra = source("Gate(door=1)", "infra/stacks/api.py")
    assert language.denied_names([infra]) == []
    assert language.denied_names([source("Gate(door=1)")])
    assert language.unused_exemptions([infra]) == ["infra/* no longer needs the exemption of floor"]


def test_every_exemption_has_a_reason() -> None:
    tables = (vocabulary.EXEMPTIONS, vocabulary.ALLOWED_PHRASES)
    assert all(reason.strip() for table in tables for reason in table.values())


# ---------------------------------------------------------------------- sizes


@pytest.mark.parametrize("path", [f"{SHOP}cart/model.py", "functions/a/b.py", "infra/a.py"])
def test_module_of_401_lines_is_detected(path: str) -> None:
    longest = source("x = 1\n" * 400, path)
    assert language.long_modules([longest], {}) == []
    longer = source("x = 1\n" * 401, path)
    assert language.long_modules([longer], {}) == [f"{path} has 401 lines; 400 is the maximum"]
    assert language.long_modules([longer], {path: "a table"}) == []
    assert language.long_modules([longer], {path: " "})


@pytest.mark.parametrize("definition", ["def act():", "async def act():"])
def test_function_of_51_lines_is_detected(definition: str) -> None:
    def module(lines: int) -> Source:
        docstring = '    """First line.\n\n    More.\n    """\n'
        body = f"    {definition}\n    " + docstring.replace("\n    ", "\n        ")
        return source(
            "class Stage:\n    @property\n" + body + "        x = 1\n" * (lines - 1), "infra/a.py"
        )

    name = "infra/a.py:Stage.act"
    assert language.long_functions([module(50)], {}) == []
    found = language.long_functions([module(51)], {})
    assert found == [f"{name} has 51 lines; 50 is the maximum"]
    assert language.long_functions([module(51)], {name: "one table"}) == []
    assert language.long_functions([module(51)], {name: ""})


def test_nested_function_is_measured() -> None:
    inner = "    def inner():\n" + "        x = 1\n" * 60
    names = language.long_functions([source(f"def outer():\n{inner}", "local/a.py")], {})
    assert [name.partition(" ")[0] for name in names] == [
        "local/a.py:outer",
        "local/a.py:outer.inner",
    ]


def test_unneeded_exception_is_detected() -> None:
    short = source("def act():\n    return 1\n", "infra/a.py")
    reason = {"infra/a.py:act": "long once"}
    assert language.long_functions([short], reason) == [
        "infra/a.py:act no longer needs its exception"
    ]
    assert language.long_modules([short], {"infra/b.py": "deleted"})


def test_tests_may_be_long() -> None:
    long = source("def test_x():\n" + "    x = 1\n" * 500, "tests/unit/test_x.py")
    assert language.long_modules([long], {}) == language.long_functions([long], {}) == []


# ---------------------------------------------------------------------- imports inside functions


@pytest.mark.parametrize(
    "statement",
    [
        "import stripe",
        "from stripe import Charge",
        "import stripe  # lazy:",
        "import stripe  # loads slowly",
        "if True:\n        from stripe import (\n            Charge,\n        )",
    ],
)
@pytest.mark.parametrize("definition", ["def pay():", "async def pay():"])
def test_import_inside_a_function_without_a_reason_is_detected(
    definition: str, statement: str
) -> None:
    (found,) = language.unexplained_lazy_imports([source(f"{definition}\n    {statement}")])
    assert " pay imports without" in found


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("def pay():\n    import stripe  # lazy: 180 ms of a cold start", f"{SHOP}payments/x.py"),
        (
            "def pay():\n    from stripe import (  # lazy: 180 ms\n        Charge,\n    )",
            f"{SHOP}payments/x.py",
        ),
        ("import stripe", f"{SHOP}payments/x.py"),
        ("def pay():\n    import stripe", "tests/unit/test_x.py"),
    ],
)
def test_import_with_a_reason_at_the_top_or_outside_shop_is_accepted(text: str, path: str) -> None:
    assert language.unexplained_lazy_imports([source(text, path)]) == []


# ---------------------------------------------------------------------- clocks

IN_A_TEST = "tests/unit/test_x.py"


@pytest.mark.parametrize(
    ("text", "clock"),
    [
        ("import time\ndef test_x():\n    time.sleep(0.1)", "time.sleep"),
        ("import time as t\ndef test_x():\n    assert t.monotonic() < 1", "time.monotonic"),
        ("import time\ndef test_x():\n    clock = time.perf_counter_ns", "time.perf_counter_ns"),
        ("def test_x():\n    from time import process_time", "time.process_time"),
        ("import asyncio\nasync def test_x():\n    await asyncio.sleep(5)", "asyncio.sleep"),
        ("def test_x():\n    from asyncio import sleep", "asyncio.sleep"),
    ],
)
def test_clock_in_a_test_is_detected(text: str, clock: str) -> None:
    (found,) = language.clock_uses([source(text, IN_A_TEST)], {})
    assert found.startswith(f"{IN_A_TEST}:test_x uses {clock} in line ")


def test_clock_in_a_nested_function_and_outside_functions_is_detected() -> None:
    text = (
        "import time\nclass Case:\n    def test_x(self):\n        def look():\n            {}\n{}"
    )
    both = source(text.format("time.sleep(1)", "START = time.monotonic()"), IN_A_TEST)
    assert language.clock_uses([both], {}) == [
        f"{IN_A_TEST}: uses time.monotonic in line 6",
        f"{IN_A_TEST}:Case.test_x.look uses time.sleep in line 5",
    ]


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("import asyncio\nasync def test_x():\n    await asyncio.sleep(0)", IN_A_TEST),
        ("import time\ndef test_x():\n    print(time.time(), 'time.sleep')", IN_A_TEST),
        ("def test_x(clock):\n    clock.sleep(1)", IN_A_TEST),
        ("import time\ndef run():\n    time.sleep(1)", "local/cloud.py"),
    ],
)
def test_other_uses_of_time_are_accepted(text: str, path: str) -> None:
    assert language.clock_uses([source(text, path)], {}) == []


def test_exception_of_a_clock_needs_a_reason_and_a_use() -> None:
    sleeps = source("import time\ndef wait():\n    time.sleep(1)", IN_A_TEST)
    place = f"{IN_A_TEST}:wait"
    assert language.clock_uses([sleeps], {place: "polls"}) == []
    assert language.clock_uses([sleeps], {place: " "}) == [f"{place} uses time.sleep in line 3"]
    assert language.clock_uses([], {place: "polls"}) == [f"{place} no longer needs its exception"]
