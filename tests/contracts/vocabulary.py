"""Words that no identifier may contain, each with the term of the field that replaces it.

They come from the project's own former vocabulary. A word stands here only if it has no good
technical use in this code base; one that has some is limited by ``ALLOWED_PHRASES``,
``ALLOWED_PLACES`` or ``EXEMPTIONS``. docs/glossary.md defines the terms on the right.
"""

DENIED: dict[str, str] = {
    word: instead
    for words, instead in {
        # architecture
        "door doors": "handler",
        "doorframe": "adapter, decorator",
        "house houses": "application",
        "floor floors": "capability, layer; of numbers: minimum",
        "room rooms": "layer; of sizes: capacity; waiting_room is allowed",
        "ground": "infrastructure",
        "workshop": "local development environment",
        "law laws": "rules",
        "proof proofs": "verification",
        "judge judges judged": "check, tool",
        "verdict verdicts": "result, report",
        "refusal refusals": "error",
        "switchboard": "kill switches",
        "obey obeys": "raise_if_disabled",
        # storage and transactions
        "ledger ledgers": "unit of work; of money: credit account",
        "clash clashes": "condition failed",
        "crowded": "throttled",
        "insist insists insisting": "retry",
        "surely": "consistent",
        "anew": "bypass_cache, again",
        "sought": "read set",
        "kept unkept": "retention, ttl, cached, stored",
        # trade
        "till tills": "checkout dependencies",
        "shelf shelves": "pricing context",
        "wish wishes": "input",
        "bin bins": "shard",
        "sight sights": "shard snapshot",
        "slip slips": "audit info",
        "tally tallies": "usage counter",
        "guess guesses guessing": "code attempt",
        "letter letters": "email, notification",
        "rush rushes": "traffic peak",
        "warmth": "warm throughput",
        "keeper keepers": "the actor by name: staff, reconciler",
        "desk desks": "service, server, dispenser",
        "happening happenings": "event",
        "catalogue catalogues": "catalog, as UCP spells it",
        # acts and actors
        "tell tells telling told": "return, publish, send, show, report",
        "say says saying said unsaid": "message, payload, detail, print",
        "gone": "deleted, expired, exhausted",
        "whoever": "the actor by name: caller, customer, staff",
        "nobody nobodys": "the actor by name: caller, customer, staff",
        "somebody somebodys": "the actor by name: caller, customer, staff",
        # local development and tests
        "furnish furnishes": "seed",
        "backstage": "simulated AWS",
        "stockroom backroom": "fixtures, scenarios",
        "dealing dealings": "scenarios",
        "crew": "worker pool",
        "careless": "mutant; of configuration: unprotected",
    }.items()
    for word in words.split()
}

DENIED_PHRASES: dict[tuple[str, ...], str] = {
    tuple(phrase.split()): instead
    for phrases, instead in {
        "call off, calls off, called off, calling off": "cancel",
        "give back, gives back, gave back, given back, giving back": "release, refund, reverse",
        "take back, takes back, took back, taken back, taking back": "return, reverse",
        "put aside, puts aside, putting aside": "reserve, set aside",
        "let in, lets in, letting in": "admit",
        "give up, gives up, gave up, given up, giving up": "abandon, compensate, time out",
        "back room": "fixtures",
    }.items()
    for phrase in phrases.split(", ")
}

DENIED_NAMES: dict[str, str] = {
    "who": "actor",
    "why": "reason",
    "asker": "rate_limit_subject",
    "also": "extra_writes",
    "along": "extra_writes",
    "there": "available, stored",
    "was": "old_…, previous",
    "is_": "new_…",
}
"""Denied as a whole name of a parameter, field or variable, in ``NAMED_IN``; fine inside a name."""

NAMED_IN = ("layers/shared/python/shop/", "functions/")

ALLOWED_PHRASES: dict[tuple[str, ...], str] = {
    ("waiting", "room"): "the field's term for a virtual queue",
    ("waiting", "rooms"): "the field's term for a virtual queue",
    ("dead", "letter"): "SQS",
    ("dead", "letters"): "SQS",
    ("ledger", "entry"): "accounting: an entry of a credit account",
    ("ledger", "entries"): "accounting: entries of a credit account",
    ("proof", "of"): "proof of delivery, proof of payment",
}

ALLOWED_PLACES: dict[str, tuple[str, ...]] = {
    "room": ("peak", "waiting_room"),
    "rooms": ("peak", "waiting_room"),
    "ledger": ("credits",),
    "ledgers": ("credits", "payments"),
}
"""Where a path contains one of these, the word has its technical meaning."""

EXEMPTIONS: dict[tuple[str, str], str] = {
    ("local/", "BIN"): "the folder of programs of a virtual environment",
}
"""(path prefix, identifier) → why it stays. One that nothing needs is a breach."""
