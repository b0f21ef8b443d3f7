"""Each rule on the source is seen to fail: what it forbids is planted, and it must be named."""

import pytest

from tests.contracts import language, vocabulary
from tests.contracts.language import Source

SHOP = language.SHOP


def source(text: str, path: str = f"{SHOP}orders/model/order.py") -> Source:
    return Source(path, text)


# ---------------------------------------------------------------------- names


def test_a_class_name_that_two_modules_define_is_found() -> None:
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
def test_private_nested_and_other_classes_may_share_a_name(text: str, path: str) -> None:
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
def test_a_denied_word_is_found_wherever_a_name_can_stand(text: str, name: str) -> None:
    (found,) = language.denied_names([source(text)])
    assert f" {name}: " in found
    assert found.endswith("instead of: handler")


def test_a_denied_word_in_a_file_or_folder_is_found() -> None:
    (found,) = language.denied_names([source("", "tests/workshop/test_ports.py")])
    assert "workshop: 'workshop', instead of: local development environment" in found


@pytest.mark.parametrize("word", sorted(vocabulary.DENIED))
def test_every_denied_word_is_found(word: str) -> None:
    assert language.denied_names([source(f"a_{word}_here = 1")])
    assert language.denied_names([source(f"class The{word.title()}: ...")])


@pytest.mark.parametrize("phrase", sorted(vocabulary.DENIED_PHRASES))
def test_every_denied_phrase_is_found(phrase: tuple[str, ...]) -> None:
    assert language.denied_names([source(f"an_order_{'_'.join(phrase)} = 1")])
    assert language.denied_names([source(f"class {''.join(map(str.title, phrase))}: ...")])


@pytest.mark.parametrize("name", sorted(vocabulary.DENIED_NAMES))
def test_every_denied_name_is_found_as_a_whole_name_in_the_application(name: str) -> None:
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
def test_what_only_looks_like_a_denied_word_passes(text: str) -> None:
    assert language.denied_names([source(text)]) == []


def test_a_word_with_a_technical_meaning_passes_where_it_has_it_and_nowhere_else() -> None:
    text = "class RoomRow: ..."
    assert language.denied_names([source(text, f"{SHOP}peak/store/rows.py")]) == []
    assert language.denied_names([source(text, f"{SHOP}orders/store/rows.py")])


def test_an_allowed_phrase_hides_no_second_word() -> None:
    (found,) = language.denied_names([source("waiting_room_door = 1")])
    assert "'door'" in found
    assert "'room'" not in found


def test_a_name_of_this_project_is_no_library_name() -> None:
    text = "from shop.orders import model\nprint(model.floor)"
    assert language.denied_names([source(text)])


def test_an_exemption_holds_in_its_place_alone_and_one_that_nothing_needs_is_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    exemptions = {("infra/", "door"): "CDK calls it so", ("infra/", "floor"): "CDK, too"}
    monkeypatch.setattr(vocabulary, "EXEMPTIONS", exemptions)
    infra = source("Gate(door=1)", "infra/stacks/api.py")
    assert language.denied_names([infra]) == []
    assert language.denied_names([source("Gate(door=1)")])
    assert language.unused_exemptions([infra]) == [
        "nothing needs the exemption of floor in infra/*"
    ]


def test_every_exemption_has_a_reason() -> None:
    tables = (vocabulary.EXEMPTIONS, vocabulary.ALLOWED_PHRASES)
    assert all(reason.strip() for table in tables for reason in table.values())


# ---------------------------------------------------------------------- sizes


@pytest.mark.parametrize("path", [f"{SHOP}cart/model.py", "functions/a/b.py", "infra/a.py"])
def test_a_module_of_401_lines_is_found(path: str) -> None:
    longest = source("x = 1\n" * 400, path)
    assert language.long_modules([longest], {}) == []
    longer = source("x = 1\n" * 401, path)
    assert language.long_modules([longer], {}) == [f"{path} has 401 lines; 400 is the maximum"]
    assert language.long_modules([longer], {path: "a table"}) == []
    assert language.long_modules([longer], {path: " "})


@pytest.mark.parametrize("definition", ["def act():", "async def act():"])
def test_a_function_of_51_lines_is_found(definition: str) -> None:
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


def test_a_function_inside_a_function_is_measured_too() -> None:
    inner = "    def inner():\n" + "        x = 1\n" * 60
    names = language.long_functions([source(f"def outer():\n{inner}", "local/a.py")], {})
    assert [name.partition(" ")[0] for name in names] == [
        "local/a.py:outer",
        "local/a.py:outer.inner",
    ]


def test_an_exception_that_nothing_needs_is_found() -> None:
    short = source("def act():\n    return 1\n", "infra/a.py")
    reason = {"infra/a.py:act": "long once"}
    assert language.long_functions([short], reason) == [
        "nothing needs the exception of infra/a.py:act"
    ]
    assert language.long_modules([short], {"infra/b.py": "gone"})


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
def test_an_import_inside_a_function_without_a_reason_is_found(
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
def test_an_import_with_a_reason_at_the_top_or_outside_shop_passes(text: str, path: str) -> None:
    assert language.unexplained_lazy_imports([source(text, path)]) == []
