output "manifest" {
  description = "Absolute path of the manifest of the tests, which is another in every checkout"
  value       = abspath("tests/fixtures/manifest.json")
}
