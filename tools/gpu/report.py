"""gpu_check.json and gpu_check.md: what the machine is and what came of every part. A part run again replaces its entry."""

import json
import os

ORDER = ("device", "build", "tests", "sanitizer", "parity", "trajectory", "determinism", "benchmarks", "fallback")


class Report:
    def __init__(self, folder):
        self.json, self.markdown = os.path.join(folder, "gpu_check.json"), os.path.join(folder, "gpu_check.md")
        self.content = {"machine": {}, "parts": {}}
        try:
            with open(self.json) as f:
                content = json.load(f)
            if isinstance(content.get("parts"), dict):
                self.content = {"machine": content.get("machine", {}), "parts": content["parts"]}
        except (OSError, ValueError, AttributeError):
            pass  # none yet, or not one of ours

    def set_machine(self, machine):
        self.content["machine"].update(machine)

    def add(self, part, entry):
        """A part that could not be run does not replace what an earlier run found."""
        if entry["status"] == "skipped" and self.content["parts"].get(part, entry)["status"] != "skipped":
            return
        self.content["parts"][part] = entry
        self.write()

    def write(self):
        parts = self.content["parts"]
        self.content["parts"] = {name: parts[name] for name in sorted(parts, key=order)}
        replace(self.json, json.dumps(self.content, indent=1) + "\n")
        replace(self.markdown, markdown(self.content))


def order(part):
    return ORDER.index(part) if part in ORDER else len(ORDER)


def replace(path, text):
    with open(path + ".part", "w") as f:
        f.write(text)
    os.replace(path + ".part", path)


def markdown(content):
    lines = ["# Check on a GPU", "", *bullets(content["machine"]), ""]
    summary = [
        {
            "Part": name,
            "Result": entry["status"],
            "Seconds": entry["seconds"],
            "When": entry["when"],
            "Commit": entry["commit"],
            "Why": entry["reason"],
        }
        for name, entry in content["parts"].items()
    ]
    lines += [*table(summary), ""]
    for name, entry in content["parts"].items():
        if entry["figures"]:
            lines += [f"## {name}", "", *figures(entry["figures"]), ""]
    return "\n".join(lines).rstrip() + "\n"


def figures(content):
    """Numbers and texts as a list, then rows as tables, then nested objects as JSON."""
    lines = bullets({k: v for k, v in content.items() if not isinstance(v, (list, dict))})
    for title, value in content.items():
        if isinstance(value, list) and value and isinstance(value[0], dict):
            lines += ["", f"{title}:", "", *table(value)]
        elif isinstance(value, list):
            lines += ["", f"{title}:", "", *(f"- {item}" for item in value)]
        elif isinstance(value, dict):
            lines += ["", f"{title}:", "", "```json", json.dumps(value, indent=1), "```"]
    return lines


def bullets(content):
    return [f"- {key}: {shown(value)}" for key, value in content.items()]


def table(rows):
    if not rows:
        return ["Nothing was run."]
    header = list(dict.fromkeys(key for row in rows for key in row))
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    return lines + ["| " + " | ".join(shown(row.get(key, "")) for key in header) + " |" for row in rows]


def shown(value):
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4g}"
    return str(value).replace("|", "\\|").replace("\n", " ")
