mock_provider "aws" {
  source = "../../mocks"
}

variables {
  packages_manifest = "../../stacks/deals-websocket/tests/fixtures/manifest.json"
  jwt_secret        = "a-secret-of-at-least-thirty-two-bytes"
}

run "clients_and_functions_use_the_given_endpoint_of_the_local_cloud" {
  variables {
    endpoint = "http://127.0.0.1:4599"
  }

  assert {
    condition     = output.env.WEBSOCKET_API_GATEWAY_URL == "ws://127.0.0.1:4599/_aws/execute-api/a1b2c3d4e5/v1" && output.management_endpoint == "http://127.0.0.1:4599/_aws/execute-api/a1b2c3d4e5/v1"
    error_message = "clients and functions must use the endpoint of the local cloud"
  }

  # Names are those of the local environment.
  assert {
    condition     = output.function_names.connection_handler == "deals-local-connection_handler" && output.table_names.connections == "deals-local-connections"
    error_message = "tests and tools find resources by these names"
  }
}

run "functions_in_containers_reach_the_cloud_by_a_name_of_their_own" {
  variables {
    endpoint           = "https://127.0.0.1:4566"
    functions_endpoint = "https://localhost.localstack.cloud:4566"
  }

  assert {
    condition     = startswith(output.env.WEBSOCKET_API_GATEWAY_URL, "wss://127.0.0.1:4566/")
    error_message = "clients reach the cloud as this machine does"
  }

  assert {
    condition     = startswith(output.management_endpoint, "https://localhost.localstack.cloud:4566/")
    error_message = "the loopback address of a container is the container's own"
  }
}

run "refuses_endpoints_with_a_path" {
  command = plan

  variables {
    endpoint           = "http://127.0.0.1:4566/"
    functions_endpoint = "localhost:4566"
  }

  expect_failures = [var.endpoint, var.functions_endpoint]
}

run "redis_is_the_server_on_the_given_port_with_its_password_in_a_secret" {
  command = plan

  variables {
    packages_manifest = "../../stacks/deals-websocket/tests/fixtures/manifest_with_redis.json"
    redis_enabled     = true
    redis_port        = 16379
    redis_auth_token  = "a-token-of-at-least-sixteen-characters"
  }

  assert {
    condition     = output.redis.port == 16379 && output.redis_publisher.user_name == null
    error_message = "the port must be the one that the local cloud reports, or each plan replaces the cache"
  }
}
