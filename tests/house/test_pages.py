"""The check of pages bites: each way of being wrong is planted into a right page."""

import pytest

from tests.support.pages import page_problems

RIGHT = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>Billing</title></head>
<body>
<a href="#content">Skip to content</a>
<main id="content">
<h1>Billing</h1>
<img src="/logo.svg" alt="">
<form method="post" action="/pay">
<input type="hidden" name="csrf_token" value="signed">
<label for="seats">Seats</label><input id="seats" name="seats" aria-describedby="hint">
<p id="hint">At least 5.</p>
<label><input type="checkbox" name="tos"> I agree</label>
<button>Pay</button>
</form>
</main>
</body>
</html>
"""


def test_a_right_page_passes() -> None:
    assert page_problems(RIGHT) == []


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("<!doctype html>", "", "expected-doctype"),
        ("</main>", "</div></main>", "invalid HTML"),
        ("<p id", "<p class='a' class='b' id", "duplicate-attribute"),
        ("<h1>Billing</h1>", "<h1><div>Billing</h1>", "invalid HTML"),
        (' lang="en"', "", "no lang"),
        ("<title>Billing</title>", "<title> </title>", "no title"),
        ("<h1>Billing</h1>", "<h2>Billing</h2>", "0 h1"),
        ("<h1>Billing</h1>", "<h1>Billing</h1><h1>Again</h1>", "2 h1"),
        ("<h1>Billing</h1>", "<h1></h1>", "h1 is empty"),
        ('<main id="content">', '<div id="content">', "0 main"),
        ('id="hint"', 'id="seats"', "used 2 times"),
        ('id="hint"', 'id="other"', "aria-describedby"),
        ('href="#content"', 'href="#nowhere"', "missing id 'nowhere'"),
        ('<label for="seats">Seats</label>', "", "has no label"),
        ('<label for="seats">Seats</label>', '<label for="seats"></label>', "has no label"),
        ('for="seats"', 'for="seat"', "a label is for the missing id 'seat'"),
        ("> I agree", ">", "has no label"),
        ('<input type="hidden" name="csrf_token" value="signed">', "", "no csrf_token"),
        ('value="signed"', 'value=""', "no csrf_token"),
        ('method="post"', 'method="get"', "into the address"),
        ("<button>Pay</button>", "", "no button"),
        ("<button>Pay</button>", "<button></button>", "has no text"),
        (' alt=""', "", "no alt"),
        ("<h1>", '<h1 style="color: red">', "inline style"),
        ("<button>", '<button onclick="pay()">', "inline onclick"),
        ("</head>", "<style>h1 { color: red }</style></head>", "inline <style>"),
        ("</head>", "<script>pay()</script></head>", "inline <script>"),
        ('href="#content"', 'href="javascript:pay()"', "javascript: address"),
    ],
)
def test_a_planted_mistake_is_named(old: str, new: str, complaint: str) -> None:
    assert old in RIGHT
    assert any(complaint in problem for problem in page_problems(RIGHT.replace(old, new, 1)))
