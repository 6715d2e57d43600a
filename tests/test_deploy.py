"""The files in deploy/: they start a job with settings that it takes, as nobody in particular, and every exit code is thought of."""

from __future__ import annotations

import configparser
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from optimizer.jobs.catalog import job_named
from optimizer.jobs.compose import settings_of
from optimizer.jobs.usage import EXIT_CODES

ROOT = Path(__file__).resolve().parents[1]
DEPLOY = ROOT / "deploy"
PLACEMENT = "/opt/venv/bin/placement"
RETRIED = {4, 5}  # a limit reached with no plan, an internal failure
FINAL = {2, 3, 6, 7, 8}


def replan_settings(words):
    """The settings that the words compose to."""
    name, *overrides = words
    ((_, settings),) = settings_of(job_named(name), overrides, sweep=False)
    return settings


@pytest.fixture(scope="module")
def cron_job():
    return yaml.safe_load((DEPLOY / "cronjob.yaml").read_text())["spec"]


@pytest.fixture(scope="module")
def pod(cron_job):
    return cron_job["jobTemplate"]["spec"]["template"]["spec"]


def unit(name):
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str
    parser.read_string((DEPLOY / name).read_text().replace("\\\n", " "))
    return parser


def instructions():
    """(instruction, arguments) of the Containerfile."""
    text = re.sub(r"^#.*\n", "", (DEPLOY / "Containerfile").read_text(), flags=re.MULTILINE).replace("\\\n", " ")
    return [tuple(line.split(maxsplit=1)) for line in text.splitlines() if line.strip()]


def test_nights_do_not_overlap_and_end(cron_job, pod):
    assert (cron_job["timeZone"], cron_job["concurrencyPolicy"]) == ("Etc/UTC", "Forbid")
    assert cron_job["startingDeadlineSeconds"] > 0
    assert cron_job["jobTemplate"]["spec"]["activeDeadlineSeconds"] > 0
    assert pod["restartPolicy"] == "Never"  # as a policy on failures asks for
    assert pod["terminationGracePeriodSeconds"] > 25


def test_every_exit_code_is_thought_of(cron_job, pod):
    ignored, final = cron_job["jobTemplate"]["spec"]["podFailurePolicy"]["rules"]
    assert ignored == {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget"}]}
    assert (final["action"], final["onExitCodes"]["operator"], set(final["onExitCodes"]["values"])) == ("FailJob", "In", FINAL)
    assert final["onExitCodes"]["containerName"] == pod["containers"][0]["name"]
    assert {code for code, _ in EXIT_CODES if code} == FINAL | RETRIED


def test_the_pod_is_nobody_and_writes_to_its_volumes_alone(pod):
    assert pod["securityContext"]["runAsNonRoot"]
    assert pod["securityContext"]["runAsUser"] > 0
    (container,) = pod["containers"]
    assert container["securityContext"]["readOnlyRootFilesystem"]
    assert not container["securityContext"]["allowPrivilegeEscalation"]
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert {mount["name"] for mount in container["volumeMounts"]} == {volume["name"] for volume in pod["volumes"]}
    places = [mount["mountPath"] for mount in container["volumeMounts"] if not mount.get("readOnly")]
    settings = replan_settings(container["args"])
    assert settings.as_of == "today"
    for written in (settings.output.folder, settings.watch.metrics_file, dict(instructions_env())["XDG_CACHE_HOME"]):
        assert any(Path(written).is_relative_to(place) for place in places)


def instructions_env():
    return [tuple(pair.split("=", 1)) for name, text in instructions() if name == "ENV" for pair in text.split()]


def test_the_image_holds_what_it_runs_and_is_nobody():
    found = instructions()
    assert next(name for name, _ in found) == "FROM"
    copied = [source for name, text in found if name == "COPY" for source in text.split()[:-1]]
    assert all((ROOT / source).exists() for source in copied)
    kept = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert set(copied) == kept
    names = dict(found)
    assert int(names["USER"].split(":")[0]) > 0
    assert names["STOPSIGNAL"] == "SIGTERM"
    assert names["ENTRYPOINT"] == f'["{PLACEMENT}"]'


def test_units_start_the_job_each_night():
    service, timer = unit("placement-replan.service")["Service"], unit("placement-replan.timer")["Timer"]
    program, *words = shlex.split(service["ExecStart"])
    assert program == PLACEMENT
    assert replan_settings(words).watch.hard_age_days is not None
    assert (service["Type"], service["User"], timer["Persistent"]) == ("oneshot", "placement", "true")
    assert int(service["TimeoutStopSec"]) > 25


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="there is no systemd here")
def test_the_timer_means_what_it_says():
    when = unit("placement-replan.timer")["Timer"]["OnCalendar"]
    told = subprocess.run(["systemd-analyze", "calendar", when], capture_output=True, text=True, check=True).stdout
    assert "Normalized form: *-*-* 05:30:00 UTC" in told
