"""The genuine client without a server: graphs build and serialise."""

import logging

import pytest

logging.getLogger("torch.__trace").propagate = False  # thousands of debug records a trace, which pytest would keep


@pytest.fixture
def ee_offline():
    """Initialise the client from the algorithms that its wheel ships; undo it afterwards."""
    import ee
    from ee import apitestcase

    install = ee.data._install_cloud_api_resource  # the test case replaces it and never puts it back
    case = apitestcase.ApiTestCase()
    case.setUp()
    yield
    case.tearDown()
    ee.data._install_cloud_api_resource = install
    ee.Reset()
