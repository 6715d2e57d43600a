"""Files of measurements and the fibre map: what is read, and what is refused, word for word."""

from __future__ import annotations

from pathlib import Path

import pytest

from optimizer.domain.network import LinkKind
from optimizer.errors import DataError
from optimizer.tables.catalog import reference_folder
from optimizer.tables.fibre_map import fibre_map_files, read_fibre_map, shipped_fibre_map
from optimizer.tables.measured_network import read_measured_trips
from optimizer.tables.measured_training import read_measured_gangs, shipped_rates

TRIPS = "from_region,to_region,from_latitude,from_longitude,to_latitude,to_longitude,rtt_ms\n"
GANGS = "platform,accelerator,accelerators,minutes_to_train,mfu_of_bf16_peak\n"
HUBS = "hub,latitude_deg,longitude_deg,kind,source,source_kind,as_of\n"
LINKS = "from_hub,to_hub,kind,route,source,source_kind,as_of\n"
END = "trial,assumed,2026-01-01\n"


def refused(read, path: Path, text: str) -> list[str]:
    path.write_text(text)
    with pytest.raises(DataError) as caught:
        read(path)
    assert caught.value.exit_code == 2
    return [str(violation).replace(str(path), "FILE") for violation in caught.value.violations]


def test_trips_are_read(tmp_path):
    file = tmp_path / "trips.csv"
    file.write_text(TRIPS + "a,b,1,2,3,4,10.5\nb,a,3,4,1,2,11\n")
    first, second = read_measured_trips(file)
    assert (first.start, first.end, first.start_latitude, first.end_longitude, first.rtt_ms) == ("a", "b", 1.0, 4.0, 10.5)
    assert (second.start, second.rtt_ms) == ("b", 11.0)


def test_every_rule_of_trips_that_is_broken_is_told_at_once(tmp_path):
    assert refused(read_measured_trips, tmp_path / "x.csv", TRIPS + "a,b,91,2,3,4,10\na,c,1,2,3,4,-1\na,d,1,2,3,4,abc\n") == [
        "FILE: from_latitude must be >= -90 and <= 90 degrees north; got 91. 1 row (first: a/b). Correct the value or remove the row.",
        "FILE: rtt_ms must be a number (ms); got abc. 1 row (first: a/d). "
        "Write a plain decimal such as 1234.5, without thousands separators or a unit.",
        "FILE: rtt_ms must be > 0 ms; got -1. 1 row (first: a/c). Correct the value or remove the row.",
    ]


def test_a_region_is_in_one_place_and_no_pair_is_one_region(tmp_path):
    assert refused(read_measured_trips, tmp_path / "x.csv", TRIPS + "a,b,1,2,3,4,10\nc,a,5,6,1,3,10\nb,b,3,4,3,4,1\n") == [
        "FILE: from_region and to_region must be two regions; got b. 1 row (first: b/b). Remove the rows.",
        "FILE: a region must have the same coordinates in every row; got a. 1 row (first: c/a). Correct the coordinates.",
    ]


def test_files_that_are_no_tables(tmp_path):
    assert "must have at least one row" in refused(read_measured_trips, tmp_path / "x.csv", TRIPS)[0]
    assert "must be unique" in refused(read_measured_trips, tmp_path / "x.csv", TRIPS + "a,b,1,2,3,4,10\na,b,1,2,3,4,11\n")[0]
    assert any("rtt_ms must be" in told for told in refused(read_measured_trips, tmp_path / "x.csv", TRIPS.replace("rtt_ms", "ping")))
    with pytest.raises(DataError, match="must be a readable file"):
        read_measured_trips(tmp_path / "absent.csv")


def test_gangs_are_read_with_the_rate_of_their_accelerator(tmp_path):
    file = tmp_path / "runs.csv"
    file.write_text(GANGS + "p,h100,512,100,0.5\n")
    (run,) = read_measured_gangs(file)
    assert (run.accelerators, run.bf16_tflops, run.mfu) == (512, shipped_rates()["h100"], 0.5)
    file.write_text(GANGS.replace("\n", ",bf16_tflops\n") + "p,h100,512,100,0.5,\np,own,512,100,0.5,700\n")
    assert [run.bf16_tflops for run in read_measured_gangs(file)] == [shipped_rates()["h100"], 700.0]


def test_what_is_wrong_with_gangs(tmp_path):
    assert refused(read_measured_gangs, tmp_path / "x.csv", GANGS + "p,h100,0,100,0.5\np,h100,8,100,1.5\n") == [
        "FILE: accelerators must be >= 1 accelerators; got 0. 1 row (first: p/h100/0). Correct the value or remove the row.",
        "FILE: mfu_of_bf16_peak must be > 0 and <= 1 share; got 1.5. 1 row (first: p/h100/8). Correct the value or remove the row.",
    ]
    (told,) = refused(read_measured_gangs, tmp_path / "x.csv", GANGS + "p,own,8,100,0.5\n")
    assert told.startswith(
        "FILE: accelerator must be a shipped one, or bf16_tflops must be given (TFLOP / s); got own. 1 row (first: p/own/8)"
    )


# The fibre map


def test_the_shipped_map_is_whole():
    fibre_map = shipped_fibre_map()
    assert sum(hub.exchange for hub in fibre_map.hubs) > 200
    assert {link.kind for link in fibre_map.links} == set(LinkKind)
    assert all(path.is_file() and path.parent == reference_folder() for path in fibre_map_files())


def read_map(tmp_path: Path, hubs: str, links: str) -> list[str]:
    (tmp_path / "network_hubs.csv").write_text(HUBS + hubs)
    (tmp_path / "network_links.csv").write_text(LINKS + links)
    with pytest.raises(DataError) as caught:
        read_fibre_map(tmp_path)
    return [str(violation).replace(f"{tmp_path}/", "") for violation in caught.value.violations]


def test_what_is_wrong_with_a_map(tmp_path):
    three = "".join(f"{name},0,{i},exchange,{END}" for i, name in enumerate("abc"))
    assert read_map(tmp_path, three, f"a,b,land,r,{END}b,x,land,r,{END}b,a,ocean,r,{END}") == [
        "network_links.csv: from_hub and to_hub must be rows of network_hubs; got x. 1 row (first: b/x). Add the hub.",
        "network_links.csv: two different hubs must have one link, which holds in both directions; got b-a. 1 row (first: b/a). "
        "Keep one row for each two hubs.",
    ]
    assert read_map(tmp_path, three, f"a,b,land,r,{END}") == [
        "network_hubs.csv: every hub must be reached from every other; got c. 1 row (first: c). Add its links."
    ]
    (told,) = read_map(tmp_path, three, f"a,b,cable,r,{END}")
    assert told.startswith("network_links.csv: kind must be one of land, ocean, coastal, regional; got cable.")
