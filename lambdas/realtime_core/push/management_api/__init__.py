"""The engine that posts to connections: one thread, many connections, HTTP/1.1 and SigV4 of its own.

    client      the API's operations
    batch       one batch of posts: who is still to be posted to, the result of each, what is retried
    requests    signed requests as bytes
    connection  one TCP or TLS connection that never blocks
    pool        the connections to an endpoint
    pacer       how many posts a second
    verdicts    what a response means for a post

Responses are parsed by realtime_core.aws.http_response. Why not botocore, libcurl or awscrt:
docs/adr/0005-an-engine-of-our-own-posts.md.
"""
