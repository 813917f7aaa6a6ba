mock_provider "aws" {
  source = "../../mocks"
}

variables {
  name = "deals-test"
  api  = { id = "a1b2c3d4e5", stage_name = "v1" }

  functions = {
    message_router = { name = "deals-test-message_router", memory_mb = 512, log_group_name = "/aws/lambda/deals-test-message_router" }
    delivery       = { name = "deals-test-delivery", memory_mb = 1769, log_group_name = "/aws/lambda/deals-test-delivery" }
  }

  tables                = { connections = "deals-test-connections" }
  queues                = { events = { name = "deals-test-events", dlq_name = "deals-test-events-dlq" } }
  access_log_group_name = "/aws/apigateway/deals-test/access"
  alarm_arns            = ["arn:aws:cloudwatch:eu-west-1:123456789012:alarm:deals-test-error_rate"]
}

run "widgets_fill_the_grid_without_gap_or_overlap" {
  command = plan

  assert {
    condition = alltrue([
      for y in distinct(jsondecode(aws_cloudwatch_dashboard.this[0].dashboard_body).widgets[*].y) :
      sum([for widget in jsondecode(aws_cloudwatch_dashboard.this[0].dashboard_body).widgets : widget.width if widget.y == y]) == 24
    ])
    error_message = "every row must be as wide as the grid"
  }

  assert {
    condition     = alltrue([for widget in jsondecode(aws_cloudwatch_dashboard.this[0].dashboard_body).widgets : widget.x + widget.width <= 24])
    error_message = "no widget may extend beyond the grid"
  }
}

run "first_row_shows_the_key_numbers" {
  command = plan

  assert {
    condition = [for widget in jsondecode(aws_cloudwatch_dashboard.this[0].dashboard_body).widgets : widget.properties.title if widget.y == 0] == [
      "Alarms", "Connections", "Errors", "Latency p99",
    ]
    error_message = "the first row must show alarms, traffic, errors and latency"
  }

  assert {
    condition     = jsondecode(aws_cloudwatch_dashboard.this[0].dashboard_body).widgets[0].properties.alarms == ["arn:aws:cloudwatch:eu-west-1:123456789012:alarm:deals-test-error_rate"]
    error_message = "the widget must show the given alarms"
  }
}

run "without_alarms_the_numbers_fill_the_first_row" {
  command = plan

  variables {
    alarm_arns = []
  }

  assert {
    condition     = sum([for widget in jsondecode(aws_cloudwatch_dashboard.this[0].dashboard_body).widgets : widget.width if widget.y == 0]) == 24
    error_message = "the numbers must fill the row"
  }
}

run "cache_adds_a_row_on_redis" {
  command = plan

  variables {
    cache = { cluster_ids = ["deals-001", "deals-002"] }
  }

  assert {
    condition = [for widget in jsondecode(aws_cloudwatch_dashboard.this[0].dashboard_body).widgets : widget.properties.title if widget.y == 21] == [
      "Reads that Redis did not answer, a minute", "Behind (s)", "Relay and index, a minute", "Redis nodes (percent)",
    ]
    error_message = "the row on Redis must be above the cost"
  }

  assert {
    condition     = sum([for widget in jsondecode(aws_cloudwatch_dashboard.this[0].dashboard_body).widgets : widget.width if widget.y == 21]) == 24
    error_message = "the row on Redis must be as wide as the grid"
  }

  assert {
    condition = length(flatten([
      for widget in jsondecode(aws_cloudwatch_dashboard.this[0].dashboard_body).widgets : widget.properties.metrics[*][3] if widget.properties.title == "Redis nodes (percent)"
    ])) == 4
    error_message = "the row must show processor and memory of every node"
  }
}

run "each_cost_is_the_usage_times_the_price" {
  command = plan

  variables {
    prices = { lambda_gb_second = 0.00001, connection_minute = 0.000001 }
  }

  assert {
    condition = contains(flatten([
      for widget in jsondecode(aws_cloudwatch_dashboard.this[0].dashboard_body).widgets : [
        for metric in widget.properties.metrics : metric[0].expression if try(metric[0].expression != null, false)
      ] if startswith(widget.properties.title, "Cost")
    ]), "12 * 0.000000005000 * (FILL(t_message_router, 0))")
    error_message = "cost of a function must be milliseconds times half a gigabyte, by the hour"
  }

  assert {
    condition = contains(flatten([
      for widget in jsondecode(aws_cloudwatch_dashboard.this[0].dashboard_body).widgets : [
        for metric in widget.properties.metrics : metric[0].expression if try(metric[0].expression != null, false)
      ] if startswith(widget.properties.title, "Cost")
    ]), "12 * 0.000005000000 * (FILL(c, 0))")
    error_message = "cost of connections must be five minutes of their average number"
  }
}

run "saved_queries_read_the_logs_that_they_need" {
  command = plan

  assert {
    condition = toset(keys(aws_cloudwatch_query_definition.this)) == toset([
      "errors-by-code", "slowest-replies", "what-happened-to-an-event", "who-was-refused-and-why", "throttled-deliveries",
      "one-connections-life", "throttled-by-api-gateway", "cold-starts", "faults",
    ])
    error_message = "the usual queries must be saved"
  }

  assert {
    condition     = toset(aws_cloudwatch_query_definition.this["one-connections-life"].log_group_names) == toset(["/aws/apigateway/deals-test/access", "/aws/lambda/deals-test-message_router", "/aws/lambda/deals-test-delivery"])
    error_message = "a connection's query must read the logs of the API and of every function"
  }

  assert {
    condition     = aws_cloudwatch_query_definition.this["throttled-deliveries"].log_group_names == tolist(["/aws/lambda/deals-test-delivery"])
    error_message = "a query must read only the logs that it needs, because reading costs"
  }

  assert {
    condition     = alltrue([for query in aws_cloudwatch_query_definition.this : startswith(query.name, "deals-test/")])
    error_message = "each deployment must have its own folder"
  }
}

run "query_without_its_log_is_not_saved" {
  command = plan

  variables {
    access_log_group_name = null
  }

  assert {
    condition     = !contains(keys(aws_cloudwatch_query_definition.this), "throttled-by-api-gateway") && length(aws_cloudwatch_query_definition.this["one-connections-life"].log_group_names) == 2
    error_message = "queries of the access log must not be saved without one"
  }
}

run "dashboard_and_queries_can_be_switched_off" {
  command = plan

  variables {
    dashboard_enabled     = false
    saved_queries_enabled = false
  }

  assert {
    condition     = length(aws_cloudwatch_dashboard.this) == 0 && length(aws_cloudwatch_query_definition.this) == 0 && output.dashboard_name == null
    error_message = "nothing may be created"
  }
}
