locals {
  # X-Ray's actions take no resources; this is the only "*".
  tracing_statements = var.tracing_mode == "PassThrough" ? {} : {
    SendTraces = {
      actions    = ["xray:PutTraceSegments", "xray:PutTelemetryRecords"]
      resources  = ["*"]
      conditions = []
    }
  }
}
