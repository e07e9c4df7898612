"""Steps are plain functions, so tests call them. `python -m unittest` runs these, and so does pytest."""

import unittest

import pipeline


class PipelineTest(unittest.TestCase):
    def test_a_split_keeps_every_leaf(self):
        parts = pipeline.split(list(range(10)), test_share=0.3, seed=1)
        self.assertEqual(len(parts["test"]), 3)
        self.assertEqual(sorted(parts["train"] + parts["test"]), list(range(10)))

    def test_a_model_tells_apart_what_is_apart(self):
        leaves = [{"species": "small", "measures": [1.0]}, {"species": "large", "measures": [9.0]}]
        model = pipeline.train(leaves, smoothing=1.0)
        self.assertEqual(pipeline.guess(model, [2.0]), "small")
        self.assertEqual(pipeline.evaluate(model, leaves)["accuracy"], 1.0)


if __name__ == "__main__":
    unittest.main()
