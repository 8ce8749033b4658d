"""simulate, train, evaluate, drift: the data scientist's commands."""

import json
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from rich import box, table

from ultrathink_cli.compose import models
from ultrathink_cli.inbound import console

EXIT_REVIEW = 1


def simulate(
    claims: Annotated[int, typer.Option(help="how many claims")],
    out: Annotated[Path, typer.Option(help="folder to write into")],
    seed: Annotated[int, typer.Option(help="same seed, same bytes")] = 0,
) -> None:
    """Write simulated claims and the pseudo-payer's answers to them."""
    with console.faults_shown(), console.bar("claims") as bar:
        task = bar.add_task("simulating", total=claims)
        summary = models.simulate(claims, seed, out, lambda done: bar.update(task, completed=done))
    share = summary.lines_denied / summary.lines
    counted = f"{summary.claims:,} claims, {summary.lines:,} lines"
    console.tell(f"{counted}, {share:.1%} of lines denied or cut (simulated) → {out}")


def train(
    task: Annotated[
        str, typer.Argument(help="denial, provider-fraud, …; `ultrathink train --help` lists them")
    ],
    data: Annotated[Path, typer.Option(help="file or folder with the training data", exists=True)],
    out: Annotated[Path, typer.Option(help="folder for the bundle")],
    seed: Annotated[int, typer.Option(help="same data, seed and lock file: same bundle")] = 0,
) -> None:
    """Train a model and write its bundle: model, calibration, metrics, card."""
    with console.faults_shown(), console.err().status("training") as shown:
        metrics = models.train(
            task, data, seed, out, lambda done: shown.update(f"training: {done} steps done")
        )
    console.out().print_json(json.dumps(metrics))


def evaluate(
    task: Annotated[str, typer.Argument(help="the task the bundle was trained for")],
    bundle: Annotated[Path, typer.Option(help="folder of the bundle", exists=True, file_okay=False)],
    data: Annotated[Path, typer.Option(help="file or folder with labelled data", exists=True)],
    as_json: Annotated[bool, typer.Option("--json", help="print one JSON object")] = False,
) -> None:
    """Measure a bundle on labelled data, beside its baselines."""
    with console.faults_shown():
        metrics = models.evaluate(task, bundle, data)
    if as_json:
        typer.echo(json.dumps(metrics))
        return
    view = table.Table("figure", "value", box=box.SIMPLE_HEAD)
    for name, value in metrics.items():
        view.add_row(name, json.dumps(value) if isinstance(value, dict | list) else f"{value}")
    console.out().print(view)


def drift(
    data: Annotated[Path, typer.Option(help="what `ultrathink export` wrote: a file or its folder")],
    bundle: Annotated[
        Path | None,
        typer.Option(help="folder of the bundle; default: the one that is served", file_okay=False),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="print one JSON object")] = False,
) -> None:
    """Compare exported claims with a model's training: exit 0 steady, 1 to review, 2 cannot be judged."""
    with console.faults_shown():
        report = models.drift(data, bundle)
    if as_json:
        typer.echo(msgspec.json.encode(report))
    else:
        _tell(report)
    raise typer.Exit(EXIT_REVIEW if report.review else 0)


def _tell(report: models.DriftReport) -> None:
    """Print what was compared, then the sentences."""
    counted = f"{report.rows:,} lines of {report.claims:,} claims, {report.scored:,} scored by this model"
    console.tell(f"{counted} ({report.revision[:12]})")
    view = table.Table("compared", "of", "figure", "state", box=box.SIMPLE_HEAD)
    for one in report.features:
        view.add_row(one.name, f"{one.rows:,}", f"PSI {one.psi:.3f}", one.state)
    beyond = report.outside
    asked = f"{report.scored + beyond.claims:,}"
    view.add_row("outside training", asked, f"{beyond.share:.1%} without a score", beyond.state)
    _judged(view, "", report.calibration, report.ranking)
    if report.lines:
        _judged(view, " of lines", report.lines.calibration, report.lines.ranking)
    if report.reviewers:
        _judged(view, " by reviewers", report.reviewers.calibration, report.reviewers.ranking, state="told")
    console.out().print(view)
    for sentence in report.words:
        console.tell(sentence)


def _judged(
    view: table.Table,
    what: str,
    calibration: Any,
    ranking: Any,
    *,
    state: str = "",
) -> None:
    """Add the rows of scores beside what one source said; `state` stands in the place of their own."""
    if calibration:
        figure = f"says {calibration.mean_probability:.1%}, denied {calibration.observed_rate:.1%}"
        view.add_row(f"calibration{what}", f"{calibration.claims:,}", figure, state or calibration.state)
    if ranking:
        before = "" if ranking.trained_auc is None else f", in training {ranking.trained_auc:.3f}"
        figure = f"AUC {ranking.auc:.3f} ± {ranking.error:.3f}{before}"
        count = f"{ranking.denied + ranking.paid:,}"
        view.add_row(f"ranking{what}", count, figure, state or ranking.state)
