from pathlib import Path

from deals_ops import prices

ADR = Path(__file__).parents[3] / "docs" / "adr" / "0017-the-relay-is-a-scheduled-loop.md"


def test_adr_names_the_prices_of_the_price_table():
    text = ADR.read_text()
    figures = [prices.price_always_running(512, 60), prices.price_always_running(256, 60)]
    figures += [prices.price_fargate(1, 0.25, 0.5), prices.price_fargate(2, 0.25, 0.5)]
    assert [figure for figure in figures if f"${figure:.2f}" not in text] == []
    assert prices.AS_OF in text
