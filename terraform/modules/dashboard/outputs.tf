output "dashboard_name" {
  description = "Name of the dashboard; null without one"
  value       = one(aws_cloudwatch_dashboard.this[*].dashboard_name)
}

output "query_names" {
  description = "Names of the saved queries, as Logs Insights lists them"
  value       = sort([for query in aws_cloudwatch_query_definition.this : query.name])
}
