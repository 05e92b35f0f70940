import numpy as np

from nn_scratch import seeding
from nn_scratch.seeding import STREAMS, random_state, spawn_generators


def test_the_same_seed_gives_the_same_numbers_in_every_stream():
    one, other = spawn_generators(7), spawn_generators(7)
    assert tuple(one) == STREAMS == ("source", "split", "init", "order", "dropout", "probe")
    for name in STREAMS:
        assert one[name].random(5).tolist() == other[name].random(5).tolist()


def test_streams_and_seeds_differ_from_each_other():
    firsts = [rng.random() for seed in (0, 1) for rng in spawn_generators(seed).values()]
    assert len(set(firsts)) == 2 * len(STREAMS)


def test_drawing_from_one_stream_moves_no_other():
    generators = spawn_generators(3)
    generators["init"].random(1000)
    assert generators["split"].random() == spawn_generators(3)["split"].random()


def test_a_stream_added_at_the_end_changes_none_before_it(monkeypatch):
    before = {name: rng.random() for name, rng in spawn_generators(3).items()}
    monkeypatch.setattr(seeding, "STREAMS", (*STREAMS, "new"))
    after = {name: rng.random() for name, rng in spawn_generators(3).items()}
    assert {name: after[name] for name in before} == before


def test_a_random_state_is_an_integer_that_scikit_learn_takes():
    states = [random_state(np.random.default_rng(seed)) for seed in range(100)]
    assert all(isinstance(state, int) and 0 <= state < 2**32 for state in states)
    assert random_state(np.random.default_rng(0)) == states[0]
