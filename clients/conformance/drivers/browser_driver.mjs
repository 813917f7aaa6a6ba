// The JavaScript client as in a browser, which shows nothing of a refused handshake.

process.env.DEALS_DRIVER_HIDES_STATUS = "1";
await import("./javascript_driver.mjs");
