"""The engine that posts to connections: one thread, many connections, HTTP/1.1 and SigV4 of its own.

    signer      what a request looks like on the wire
    response    what an answer on the wire says
    connection  one TCP or TLS connection that never blocks
    pool        the connections of an endpoint
    pacer       how many posts a second
    engine      one job: who is still to be posted to, what came of each, what is tried again
    verdicts    what an answer means for a post

Why not botocore, libcurl or awscrt: docs/adr/0005-an-engine-of-our-own-posts.md.
"""
