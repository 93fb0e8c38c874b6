-- Orders for wrk, each a new one, as PHP's cURL sends it. KEY is the shop's, BOUNDARY the form's.
-- At the end one line of JSON says what was done.

local threads = 0
local form = '--%s\r\nContent-Disposition: form-data; name="api_key"\r\n\r\n%s\r\n' ..
             '--%s\r\nContent-Disposition: form-data; name="orders"\r\n\r\n'
local boundary = os.getenv("BOUNDARY")
local head = form:format(boundary, os.getenv("KEY"), boundary)
local tail = "\r\n--" .. boundary .. "--\r\n"
local order = '[{"id_order":"%s","order_date":"2019-01-01 12:00:00","firstname":"John","lastname":"Doe",' ..
              '"email":"john.doe.%s@example.com","reference":"R%s","products":[{"id":"100",' ..
              '"name":"My Product 100","category_id":"cat1","category_name":"Category 1","qty":"1",' ..
              '"unit_price":"25.90","mpn":"MPN100","ean13":"1234567890123","sku":"SKU100","upc":"UPCCODE",' ..
              '"url":""}]}]'

function setup(thread)
    threads = threads + 1
    thread:set("thread_number", threads)
end

function init()
    sent = 0
    wrk.method = "POST"
    wrk.headers["Content-Type"] = "multipart/form-data; boundary=" .. boundary
end

function request()
    sent = sent + 1
    local number = thread_number .. "-" .. sent
    return wrk.format(nil, "/private/v3/orders", nil, head .. order:format(number, number, number) .. tail)
end

function done(summary, latency, requests)
    local e = summary.errors
    io.write(string.format(
        '{"requests": %d, "seconds": %.6f, "errors": %d, "p50": %.3f, "p99": %.3f}\n',
        summary.requests, summary.duration / 1e6, e.connect + e.read + e.write + e.status + e.timeout,
        latency:percentile(50) / 1000, latency:percentile(99) / 1000))
end
