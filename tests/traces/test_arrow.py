"""Do columns made of bytes hold what they were made of?"""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from traces.base.arrow import arrow_column, numpy_column


@given(
    values=st.one_of(
        hnp.arrays(
            st.sampled_from([np.int64, np.int32, np.uint8, np.float64, np.float32]), st.integers(0, 20)
        ),
        hnp.arrays(np.bool_, st.integers(0, 20)),
        st.lists(st.text(), max_size=20),
        st.lists(st.integers(-(2**60), 2**60), max_size=20),
    )
)
def test_a_column_holds_its_values(values: Any) -> None:
    found = arrow_column(values)
    assert found.null_count == 0
    np.testing.assert_array_equal(np.array(found.to_pylist(), np.asarray(values).dtype), np.asarray(values))
    if found.type != pa.string() and len(values):
        np.testing.assert_array_equal(numpy_column(found), values)
        np.testing.assert_array_equal(numpy_column(found[len(values) // 2 :]), values[len(values) // 2 :])


@pytest.mark.parametrize("values", [["a", 1], [None], [1 + 2j]])
def test_values_of_several_types_are_refused(values: Any) -> None:
    with pytest.raises(TypeError, match="needs"):
        arrow_column(np.array(values, object) if values != [1 + 2j] else values)


def test_pandas_is_not_imported() -> None:
    code = (
        "import sys; from traces import arrow_column; arrow_column(['a']); assert 'pandas' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
