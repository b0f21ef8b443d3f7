"""The data of the bundled tax table, with its sources. Rates are in parts per million."""

from datetime import date

VAT: dict[str, tuple[bool, str, int, tuple[int, ...], int]] = {
    # country: (member of the Union, name of the tax, standard rate,
    #           reduced rates from high to low, super-reduced rate or 0)
    "AD": (False, "IGI", 45000, (25000, 10000), 0),
    "AL": (False, "TVSH", 200000, (100000, 60000), 0),
    "AT": (True, "USt", 200000, (190000, 130000, 100000), 49000),
    "BA": (False, "PDV", 170000, (), 0),
    "BE": (True, "BTW", 210000, (120000, 60000), 0),
    "BG": (True, "ДДС", 200000, (90000,), 0),
    "CH": (False, "MWST", 81000, (38000, 26000), 0),
    "CY": (True, "ΦΠΑ", 190000, (90000, 50000), 30000),
    "CZ": (True, "DPH", 210000, (120000,), 0),
    "DE": (True, "MwSt", 190000, (70000,), 0),
    "DK": (True, "moms", 250000, (), 0),
    "EE": (True, "km", 240000, (130000, 90000), 0),
    "ES": (True, "IVA", 210000, (100000,), 40000),
    "FI": (True, "ALV", 255000, (135000, 100000), 0),
    "FR": (True, "TVA", 200000, (130000, 100000, 85000, 55000, 10500, 9000), 21000),
    "GB": (False, "VAT", 200000, (50000,), 0),
    "GE": (False, "დღგ", 180000, (), 0),
    "GR": (True, "ΦΠΑ", 240000, (170000, 130000, 60000), 40000),
    "HR": (True, "PDV", 250000, (130000, 50000), 0),
    "HU": (True, "ÁFA", 270000, (180000, 50000), 0),
    "IE": (True, "VAT", 230000, (135000, 90000), 0),
    "IS": (False, "VSK", 240000, (110000,), 0),
    "IT": (True, "IVA", 220000, (100000, 50000), 40000),
    "LI": (False, "MWST", 81000, (38000, 26000), 0),
    "LT": (True, "PVM", 210000, (120000, 50000), 0),
    "LU": (True, "TVA", 170000, (140000, 80000), 30000),
    "LV": (True, "PVN", 210000, (120000, 50000), 0),
    "MC": (False, "TVA", 200000, (100000, 55000), 21000),
    "MD": (False, "TVA", 200000, (80000,), 0),
    "ME": (False, "PDV", 210000, (150000, 70000), 0),
    "MK": (False, "ДДВ", 180000, (100000, 50000), 0),
    "MT": (True, "VAT", 180000, (70000, 50000), 0),
    "NL": (True, "btw", 210000, (90000,), 0),
    "NO": (False, "MVA", 250000, (150000, 120000), 0),
    "PL": (True, "VAT", 230000, (80000, 50000), 0),
    "PT": (True, "IVA", 230000, (220000, 160000, 130000, 60000), 0),
    "RO": (True, "TVA", 210000, (110000,), 0),
    "RS": (False, "PDV", 200000, (100000,), 0),
    "SE": (True, "moms", 250000, (120000, 60000), 0),
    "SI": (True, "DDV", 220000, (95000, 50000), 0),
    "SK": (True, "DPH", 230000, (190000, 50000), 0),
    "TR": (False, "KDV", 200000, (100000, 10000), 0),
    "UA": (False, "ПДВ", 200000, (140000, 70000), 0),
    "XI": (False, "VAT", 200000, (50000,), 0),
    "XK": (False, "TVSH", 180000, (80000,), 0),
}
"""Value added tax in Europe: standard and reduced rates per country.

Derived from the package eu-vat-rates-data 2026.9.29 (MIT licence). It takes the rates of the
Union's members from the European Commission's database "Taxes in Europe" (TEDB), and maintains
the others by hand. Two of its super-reduced rates that are not below 5 % (Poland, Portugal) are
omitted. Which goods have a reduced rate differs from country to country; the table has rates only.
"""

AREA_RATES: tuple[tuple[str, str, str, str, int, date | None, date | None], ...] = (
    # country, region, name of the tax, class, rate, first day, last day plus one
    ("AT", "JUNGHOLZ", "USt", "standard", 190000, None, None),
    ("AT", "MITTELBERG", "USt", "standard", 190000, None, None),
    ("PT", "20", "IVA", "standard", 160000, None, None),
    ("PT", "20", "IVA", "reduced", 40000, None, None),
    ("PT", "20", "IVA", "super_reduced", 40000, None, None),
    ("PT", "30", "IVA", "standard", 220000, None, None),
    ("PT", "30", "IVA", "reduced", 50000, None, date(2024, 10, 1)),
    ("PT", "30", "IVA", "reduced", 40000, date(2024, 10, 1), None),
    ("PT", "30", "IVA", "super_reduced", 50000, None, date(2024, 10, 1)),
    ("PT", "30", "IVA", "super_reduced", 40000, date(2024, 10, 1), None),
)
"""Rates of places within a tax area, which ``areas`` finds by the postal code. A class without a
rate there has that of the country.

Sources, as of 2026-09-29: Jungholz and Mittelberg (Kleinwalsertal), UStG § 10 (4), Directive
2006/112/EC, Art. 104, by the package above and BMF; the Azores (``20``) and Madeira (``30``), CIVA,
Art. 18 (3), Directive Art. 105. The rates of Madeira are of medium confidence. ``JUNGHOLZ`` and
``MITTELBERG`` are not codes of ISO 3166-2: both places are parts of a federal state.
"""
AREA_REGIONS = frozenset((row[0], row[1]) for row in AREA_RATES)

US_UNTAXED_CARRIAGE: dict[str, tuple[str, str]] = {
    # state: (legal basis, confidence)
    "AL": ("810-6-1-.84", "low"),  # only by common carrier or US mail and paid by the buyer
    "AZ": ("ARS 42-5061(A)(7)", "medium"),
    "CA": (
        "Regulation 1628",
        "low",
    ),  # only the actual cost, by common carrier, shipped directly to the buyer; a mark-up is taxed
    "CO": (
        "C.R.S. 39-26-104(1)(a)",
        "medium",
    ),  # state part only: home-rule cities decide for themselves
    "FL": (
        "Rule 12A-1.045",
        "low",
    ),  # only where the buyer can avoid the charge (pick-up) and it is separate
    "ID": ("IDAPA 35.01.02.045", "medium"),  # not when included in the price
    "IL": (
        "35 ILCS 120/3-5",
        "low",
    ),  # only where the buyer could choose pick-up or a lower charge; else follows the goods
    "IA": ("Code 423.1(48)", "medium"),  # handling is taxed
    "KS": ("K.S.A. 79-3603", "medium"),  # since July 2023 shown separately
    "ME": (
        "36 MRSA 1752(14)(B)",
        "low",
    ),  # direct to the buyer by common carrier, contract carrier or US mail
    "MD": ("COMAR 03.06.01.30", "medium"),  # handling is taxed
    "MA": ("830 CMR 64H.6.5", "medium"),  # after transfer of title
    "MI": (
        "MCL 205.51",
        "medium",
    ),  # since 2023 delivery and installation shown separately are outside the price
    "MO": ("144.025", "medium"),
    "NV": ("NRS 372.025", "low"),  # handling is taxed
    "OK": ("68 O.S. 1352(12)", "medium"),
    "UT": ("59-12-103", "medium"),
    "VA": ("Code 58.1-609.5(3)", "medium"),  # handling is taxed
    "WY": ("39-15-101(a)(viii)", "medium"),
}
"""States of the US that do not tax a delivery charge shown separately.

Derived on 2026-11-30 from ejosterberg/open-sales-tax at 4cfd3c2 (Apache-2.0 licence).
Confidence ``low`` or ``medium`` means that a shop checks the law before it relies on the entry. In
the other states, delivery belongs to the sales price and follows the goods.
"""
