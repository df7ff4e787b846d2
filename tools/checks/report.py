#!/usr/bin/env python3
"""Makes a report and reads it with others' tools: the page with Python's HTML parser, the interval logs with
HdrHistogram's own library for Python.

usage: report.py PATH-TO-FRAMELINE [FOLDER]

The numbers of both must be those of summary.json. Without the Python package hdrhistogram the logs are skipped, with
a line that says so.
"""
import json
import subprocess
import sys
import tempfile
from html.parser import HTMLParser
from pathlib import Path

SOURCE = (
    "sim:?width=640&height=480&rate=200&frames=700&faults="
    "at 100 disconnect 300;at 250 lose 3;at 300 incomplete;at 400 timeout 2;at 550 resize 800x600"
)
VOID = {"meta", "br", "hr", "img", "link", "input", "wbr"}
# Elements of SVG that hold nothing; the parser reports `<line/>` as begin and end.
FETCHING = {"src", "href", "srcset", "poster", "action", "formaction", "xlink:href", "background"}


class Page(HTMLParser):
    """What stands on the page, and whether it is well formed."""

    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.open = []
        self.figures = {}
        self.rows = {}
        self.row = None
        self.values = None
        self.stages = {}
        self.stage = None
        self.text = []
        self.elements = 0

    def handle_starttag(self, tag, attributes):
        self.elements += 1
        names = [name for name, _ in attributes]
        assert len(names) == len(set(names)), f"an attribute comes twice: <{tag} {attributes}>"
        for name, value in attributes:
            assert not name.startswith("on"), f"a handler: <{tag} {name}={value}>"
            if name in FETCHING:
                assert value.startswith(("data:", "#")), f"a reference outside: <{tag} {name}={value[:80]}>"
            if name == "style":
                assert "url(" not in value, value
        assert tag not in ("script", "link", "iframe", "object", "embed", "base", "form"), tag
        if tag not in VOID:
            self.open.append(tag)
        at = dict(attributes)
        if tag == "data":
            if "id" in at:
                assert at["id"] not in self.figures, f"{at['id']} stands there twice"
                self.figures[at["id"]] = at["value"]
            if self.stage is not None:
                self.stage.append(float(at["value"]))
            if self.values is not None:
                self.values.append(int(at["value"]))
        if tag == "dl" and "data-stage" in at:
            self.stage = self.stages[at["data-stage"]] = []
        if tag == "tr" and "data-latency" in at:
            self.row, self.values = at["data-latency"], []

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        assert self.open and self.open[-1] == tag, f"</{tag}> closes {self.open[-3:]}"
        self.open.pop()
        if tag == "dl":
            self.stage = None
        if tag == "tr" and self.row is not None:
            self.rows[self.row] = self.values
            self.row = self.values = None

    def handle_data(self, data):
        if self.open and self.open[-1] == "style":
            assert "@import" not in data and "url(" not in data and "http" not in data
        self.text.append(data)


def check_page(folder, summary):
    page = Page()
    page.feed((folder / "report.html").read_text(encoding="utf-8"))
    page.close()
    assert not page.open, f"left open: {page.open}"
    frames = summary["frames"]
    for name, n in frames.items():
        assert int(page.figures[f"frames-{name}"]) == n, (name, n)
    parts = sum(int(v) for k, v in page.figures.items() if k.startswith("frames-") and k != "frames-grabbed")
    assert parts == frames["grabbed"], "the table does not add up"
    latencies = {**summary["latency_ns"], **summary["capture_ns"]}
    assert set(page.rows) == set(latencies), (set(page.rows), set(latencies))
    for name, l in latencies.items():
        assert page.rows[name] == [l[k] for k in ("count", "p50", "p90", "p99", "p999", "max")], name
    text = " ".join(page.text)
    assert summary["verdict"][1:] in text
    for stage, results in summary["results"].items():
        if "parts" in results and "failed" in results:
            assert int(page.figures[f"parts-{stage}"]) == results["parts"], stage
            assert int(page.figures[f"failed-{stage}"]) == results["failed"], stage
        if "precision" in results:
            assert abs(float(page.figures["precision"]) - results["precision"]) < 1e-9
            assert abs(float(page.figures["recall"]) - results["recall"]) < 1e-9
    told = 0
    for stage, results in summary["results"].items():
        # Zeros are one line of names; what the section on the inspection tells is checked above.
        elsewhere = ("frames", "precision", "recall", "planted_", "found_")
        missing = [
            v for k, v in results.items()
            if isinstance(v, (int, float)) and v != 0 and not k.startswith(elsewhere)
            # That the frames came once is no news.
            and (k, v) != ("rounds", 1)
        ]
        told += len(missing)
        for value in page.stages[stage]:
            if value in missing:
                missing.remove(value)
        assert not missing, f"the card of {stage} does not tell {missing}"
    print(
        f"report.html: {page.elements} elements, well formed, nothing from outside; "
        f"{len(page.figures)} figures, {told} of stages and {len(page.rows)} latencies as in summary.json"
    )


def check_logs(folder, summary):
    try:
        from hdrh.histogram import HdrHistogram
        from hdrh.log import HistogramLogReader
    except ImportError:
        print("SKIPPED interval logs: the Python package hdrhistogram is missing")
        return
    stems = {"end_to_end": summary["latency_ns"]["end_to_end"]}
    for hop in summary["hops"]:
        stems["hop-" + hop["name"].replace(">", "-to-")] = summary["latency_ns"][hop["name"]]
    for stage in summary["stages"]:
        stems["stage-" + stage["name"]] = summary["latency_ns"][stage["name"]]
    for stem, expected in stems.items():
        whole = HdrHistogram(1, (1 << 37) - 1, 2)
        reader = HistogramLogReader(str(folder / f"{stem}.hlog"), whole)
        intervals = 0
        while (part := reader.get_next_interval_histogram()) is not None:
            whole.add(part)
            intervals += 1
        assert whole.get_total_count() == expected["count"], (stem, whole.get_total_count(), expected)
        for percentile, key in ((50, "p50"), (90, "p90"), (99, "p99"), (99.9, "p999"), (100, "max")):
            # Libraries round the rank of a percentile differently, by one value; and two digits are within 1 %.
            here = whole.get_value_at_percentile(percentile)
            next_one = whole.get_value_at_percentile(min(100, percentile + 100 / max(expected["count"], 1)))
            assert 0.98 * here - 1 <= expected[key] <= 1.02 * next_one + 1, (stem, key, here, expected[key])
        print(f"{stem}.hlog: {intervals} intervals, {expected['count']} values, percentiles as in summary.json")


def main():
    program = sys.argv[1]
    with tempfile.TemporaryDirectory(prefix="frameline-report-") as made:
        folder = Path(sys.argv[2] if len(sys.argv) > 2 else made)
        if len(sys.argv) <= 2:
            subprocess.run(
                [program, "run", "--source", SOURCE, "--report", str(folder), "--quiet", "--set", "log.level=error"],
                check=True, timeout=120,
            )
        summary = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
        if len(sys.argv) <= 2:
            assert summary["resets"] and summary["reconnects"] and summary["faults"], "the script did not play"
        check_page(folder, summary)
        check_logs(folder, summary)


if __name__ == "__main__":
    main()
