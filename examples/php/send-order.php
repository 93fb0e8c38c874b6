<?php

declare(strict_types=1);

/*
 * Sends orders to Afterword, and tries again when it should.
 *
 *   AFTERWORD_URL=https://reviews.bakery.example AFTERWORD_KEY=… php send-order.php
 *
 * An order that was sent before is never imported twice, so sending again is always safe.
 */

/** @return object with success, orders_count, orders_imported and message; throws when nobody could be reached. */
function sendOrders(string $url, string $key, array $orders, int $tries = 4): object
{
    $form = [
        'api_key' => $key,
        'orders' => json_encode(array_values($orders), JSON_THROW_ON_ERROR | JSON_INVALID_UTF8_SUBSTITUTE),
    ];
    for ($try = 1; ; $try++) {
        [$status, $answer] = post($url . '/private/v3/orders', $form);
        $isPassing = $status === 0 || $status >= 500;
        if (!$isPassing || $try === $tries) {
            break;
        }
        sleep(2 ** $try);
    }
    if (!is_object($answer)) {
        throw new RuntimeException("Afterword cannot be reached at $url (status $status)");
    }
    return $answer;
}

/** @return array{int, mixed} the status, 0 when there was no answer, and what the answer holds. */
function post(string $url, array $form): array
{
    $curl = curl_init($url);
    curl_setopt_array($curl, [
        CURLOPT_POSTFIELDS => $form,
        CURLOPT_RETURNTRANSFER => true,
        CURLOPT_CONNECTTIMEOUT => 5,
        CURLOPT_TIMEOUT => 60,
    ]);
    $body = curl_exec($curl);
    $status = curl_getinfo($curl, CURLINFO_RESPONSE_CODE);
    return $body === false ? [0, null] : [$status, json_decode($body)];
}

$order = [
    'id_order' => 'B-2041',
    'order_date' => date('Y-m-d H:i:s'),
    'firstname' => 'Clara',
    'lastname' => 'Martin',
    'email' => 'clara@example.com',
    'products' => [
        ['id' => 100, 'name' => 'Rye bread', 'qty' => 2, 'unit_price' => '3.90'],
        ['id' => 101, 'name' => 'Apple cake', 'qty' => 1, 'unit_price' => '18.50'],
    ],
];

$answer = sendOrders(
    getenv('AFTERWORD_URL') ?: 'http://127.0.0.1:8000',
    getenv('AFTERWORD_KEY') ?: exit("Set AFTERWORD_KEY to a key of your shop.\n"),
    [$order],
);
echo "$answer->orders_imported of $answer->orders_count imported. $answer->message\n";
exit($answer->success === 1 ? 0 : 1);
