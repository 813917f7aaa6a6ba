################################################################################
# Saved queries
################################################################################

locals {
  function_logs = { for short, function in var.functions : short => [function.log_group_name] }
  all_functions = flatten(values(local.function_logs))
  access_logs   = compact([var.access_log_group_name])

  # The most frequent questions, by descriptive names. `groups` are the log groups to search; a query without any is not
  # created.
  queries = {
    "errors-by-code" = {
      groups = lookup(local.function_logs, "message_router", [])
      query  = <<-EOT
        filter event = "answered" and ispresent(Code)
        | stats count(*) as errors, count_distinct(userId) as users by Code, action
        | sort errors desc
      EOT
    }
    "slowest-replies" = {
      groups = lookup(local.function_logs, "message_router", [])
      query  = <<-EOT
        filter event = "answered" and Kind = "reply"
        | fields @timestamp, MessageLatency, action, Code, userId, connectionId, correlationId, ispresent(ColdStarts) as coldStart
        | sort MessageLatency desc
        | limit 100
      EOT
    }
    # Put an eventId, a messageId or a correlationId in the place of EVENT.
    "what-happened-to-an-event" = {
      groups = local.all_functions
      query  = <<-EOT
        filter eventId = "EVENT" or messageId = "EVENT" or correlationId = "EVENT"
        | fields @timestamp, event, level, delivered, queued, gone, refused, throttled, attempt, reason, @log
        | sort @timestamp asc
      EOT
    }
    "who-was-refused-and-why" = {
      groups = concat(lookup(local.function_logs, "authorizer", []), lookup(local.function_logs, "message_router", []))
      query  = <<-EOT
        filter event in ["connect_refused", "refresh_refused"]
        | stats count(*) as refusals, count_distinct(connectionId) as connections, latest(@timestamp) as last by reason, status
        | sort refusals desc
      EOT
    }
    "throttled-deliveries" = {
      groups = lookup(local.function_logs, "delivery", [])
      query  = <<-EOT
        filter event = "posted" and (throttled > 0 or queued > 0)
        | stats sum(throttled) as throttles, sum(queued) as putBack, max(attempt) as attempts, count(*) as jobs by bin(1m)
        | sort @timestamp desc
      EOT
    }
    # Put a connectionId in the place of CONNECTION.
    "one-connections-life" = {
      groups = concat(local.access_logs, local.all_functions)
      query  = <<-EOT
        filter connectionId = "CONNECTION"
        | fields @timestamp, coalesce(event, eventType) as what, coalesce(action, routeKey) as action, coalesce(Code, reason, errorMessage) as why, status, userId, closeCode, @log
        | sort @timestamp asc
      EOT
    }
    "throttled-by-api-gateway" = {
      groups = local.access_logs
      query  = <<-EOT
        filter status = 429
        | stats count(*) as throttles by routeKey, bin(1m)
        | sort throttles desc
      EOT
    }
    # The durations are in Lambda's reports, which functions with system_log_level INFO have.
    "cold-starts" = {
      groups = local.all_functions
      query  = <<-EOT
        filter ispresent(ColdStarts) or ispresent(record.metrics.initDurationMs)
        | stats sum(ColdStarts) as coldStarts, avg(record.metrics.initDurationMs) as average, pct(record.metrics.initDurationMs, 99) as p99 by @log
        | sort coldStarts desc
      EOT
    }
    "faults" = {
      groups = local.all_functions
      query  = <<-EOT
        filter level in ["ERROR", "WARNING"]
        | stats count(*) as times, latest(@timestamp) as last, latest(exception.reason) as reason by event, level, logger
        | sort times desc
      EOT
    }
  }
}

resource "aws_cloudwatch_query_definition" "this" {
  for_each = { for name, query in local.queries : name => query if var.saved_queries_enabled && length(query.groups) > 0 }

  name            = "${var.name}/${each.key}"
  log_group_names = each.value.groups
  query_string    = trimspace(each.value.query)
}
