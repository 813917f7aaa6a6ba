# Each input that cannot work is refused at the plan, with a message that names the variable and the remedy.
mock_provider "aws" {}

variables {
  name       = "deals-test"
  stage_name = "v1"
  authorizer = { name = "authorizer", invoke_arn = "arn:authorizer" }
  routes     = { "$connect" = { function = { name = "handler", invoke_arn = "arn:handler" } } }
}

run "refuses_a_name_with_a_space" {
  command = plan

  variables {
    name = "my deals"
  }

  expect_failures = [var.name]
}

run "refuses_the_default_stage_of_http_apis" {
  command = plan

  variables {
    stage_name = "$default"
  }

  expect_failures = [var.stage_name]
}

run "refuses_an_api_without_a_connect_route" {
  command = plan

  variables {
    routes = { ping = { function = { name = "handler", invoke_arn = "arn:handler" } } }
  }

  expect_failures = [var.routes]
}

run "refuses_a_system_route_that_does_not_exist" {
  command = plan

  variables {
    routes = { "$connect" = { function = { name = "handler", invoke_arn = "arn:handler" } }, "$message" = { function = { name = "handler", invoke_arn = "arn:handler" } } }
  }

  expect_failures = [var.routes]
}

run "refuses_a_route_key_of_an_http_api" {
  command = plan

  variables {
    routes = { "$connect" = { function = { name = "handler", invoke_arn = "arn:handler" } }, "GET /ping" = { function = { name = "handler", invoke_arn = "arn:handler" } } }
  }

  expect_failures = [var.routes]
}

run "refuses_more_than_300_routes" {
  command = plan

  variables {
    routes = merge({ "$connect" = { function = { name = "handler", invoke_arn = "arn:handler" } } }, { for i in range(300) : "action${i}" => { function = { name = "handler", invoke_arn = "arn:handler" } } })
  }

  expect_failures = [var.routes]
}

run "refuses_a_connect_route_without_a_function" {
  command = plan

  variables {
    routes = { "$connect" = {} }
  }

  expect_failures = [var.routes]
}

run "refuses_a_route_response_where_no_function_answers" {
  command = plan

  variables {
    routes = { "$connect" = { function = { name = "handler", invoke_arn = "arn:handler" } }, keepAlive = { route_response = true } }
  }

  expect_failures = [var.routes]
}

run "refuses_a_route_response_on_connect" {
  command = plan

  variables {
    routes = { "$connect" = { function = { name = "handler", invoke_arn = "arn:handler" }, route_response = true } }
  }

  expect_failures = [var.routes]
}

run "refuses_a_rate_limit_of_zero_for_a_route" {
  command = plan

  variables {
    routes = { "$connect" = { function = { name = "handler", invoke_arn = "arn:handler" }, throttling = { rate_limit = 0, burst_limit = 10 } } }
  }

  expect_failures = [var.routes]
}

run "refuses_a_burst_limit_of_zero_for_a_route" {
  command = plan

  variables {
    routes = { "$connect" = { function = { name = "handler", invoke_arn = "arn:handler" }, throttling = { rate_limit = 10, burst_limit = 0 } } }
  }

  expect_failures = [var.routes]
}

run "refuses_two_versions_of_one_function" {
  command = plan

  variables {
    routes = { "$connect" = { function = { name = "handler", invoke_arn = "arn:handler" } }, ping = { function = { name = "handler", qualifier = "2", invoke_arn = "arn:handler:2" } } }
  }

  expect_failures = [var.routes]
}

run "refuses_an_integration_timeout_above_29_seconds" {
  command = plan

  variables {
    integration_timeout_milliseconds = 29001
  }

  expect_failures = [var.integration_timeout_milliseconds]
}

run "refuses_an_integration_timeout_below_50_milliseconds" {
  command = plan

  variables {
    integration_timeout_milliseconds = 49
  }

  expect_failures = [var.integration_timeout_milliseconds]
}

run "refuses_a_default_rate_limit_of_zero" {
  command = plan

  variables {
    default_throttling = { rate_limit = 0, burst_limit = 0 }
  }

  expect_failures = [var.default_throttling]
}

run "refuses_a_retention_unknown_to_cloudwatch" {
  command = plan

  variables {
    log_retention_days = 31
  }

  expect_failures = [var.log_retention_days]
}

run "refuses_an_unknown_logging_level" {
  command = plan

  variables {
    execution_logging_level = "DEBUG"
  }

  expect_failures = [var.execution_logging_level]
}
