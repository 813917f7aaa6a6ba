locals {
  # X-Ray's actions know no resources, so here alone stands "*".
  tracing_statements = var.tracing_mode == "PassThrough" ? {} : {
    SendTraces = {
      actions    = ["xray:PutTraceSegments", "xray:PutTelemetryRecords"]
      resources  = ["*"]
      conditions = []
    }
  }
}
