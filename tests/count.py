"""Counts test cases in a runner's own report.

    count.py ctest JUNIT_FILE     a doctest program counts by its cases, any other ctest entry as one
    count.py pytest JUNIT_FILE    of pytest, or of Maven's surefire
    count.py go JSON_LINES_FILE   the output of go test -json

Prints each skip with its reason and each failure's name on stderr, then "PASSED FAILED SKIPPED" on stdout.
"""

import json
import re
import sys
import xml.etree.ElementTree as ElementTree

DOCTEST = re.compile(r"\[doctest\] test cases:\s*\d+ \|\s*(\d+) passed \|\s*(\d+) failed \|\s*(\d+) skipped")


class Count:
    def __init__(self):
        self.passed = self.failed = self.skipped = 0

    def skip(self, name, reason, number=1):
        print(f"skipped: {name}: {reason}", file=sys.stderr)
        self.skipped += number

    def fail(self, name, number=1):
        print(f"FAILED: {name}", file=sys.stderr)
        self.failed += number


def last_line(text):
    lines = [line.strip() for line in (text or "").splitlines() if line.strip()]
    return lines[-1] if lines else "gave no reason"


def count_ctest(path, count):
    for case in ElementTree.parse(path).getroot().iter("testcase"):
        name, status = case.get("name"), case.get("status")
        output = case.findtext("system-out") or ""
        doctest = DOCTEST.search(output)
        skipped = case.find("skipped")
        if skipped is not None and skipped.get("message", "").startswith("SKIP_"):
            count.skip(name, last_line(output))
        elif doctest:
            passed, failed, skipped = map(int, doctest.groups())
            count.passed += passed
            if skipped:
                count.skip(name, "switched off in the source", skipped)
            if status != "run" or failed:
                count.fail(name, max(failed, 1))
            elif passed == 0:
                count.fail(f"{name} ran no test case")
        elif status == "run":
            count.passed += 1
        else:
            count.fail(name)


def count_pytest(path, count):
    for case in ElementTree.parse(path).getroot().iter("testcase"):
        name = f"{case.get('classname')}.{case.get('name')}"
        skipped = case.find("skipped")
        if case.find("failure") is not None or case.find("error") is not None:
            count.fail(name)
        elif skipped is not None:
            count.skip(name, skipped.get("message"))
        else:
            count.passed += 1


def count_go(path, count):
    output = {}
    for line in open(path, encoding="utf-8"):
        if not line.startswith("{"):
            continue
        event = json.loads(line)
        name, action = event.get("Test"), event["Action"]
        if action == "output" and name:
            output.setdefault(name, []).append(event["Output"])
        elif action == "fail" and not name:
            # A package that did not build has no failed test to show for it.
            if count.failed == 0:
                count.fail(event["Package"])
        elif name and action == "pass":
            count.passed += 1
        elif name and action == "fail":
            count.fail(name)
        elif name and action == "skip":
            reasons = [text for text in output.get(name, []) if "--- SKIP" not in text and "=== RUN" not in text]
            count.skip(name, last_line("".join(reasons)))


def main():
    kind, path = sys.argv[1:]
    count = Count()
    {"ctest": count_ctest, "pytest": count_pytest, "go": count_go}[kind](path, count)
    if count.passed + count.failed + count.skipped == 0:
        count.fail(f"{kind} ran no test at all")
    print(count.passed, count.failed, count.skipped)


main()
