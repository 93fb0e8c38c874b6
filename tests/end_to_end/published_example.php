<?php // The published page's request example; the arguments are the endpoint and the key.
$apiEndPoint = $argv[1];
$apiKey = $argv[2];
// Prepare data
$post = array(
    'api_key' => $apiKey,
    'orders' => json_encode(
        array(
            array(
                'id_order' => '1234',
                'order_date' => '2019-01-01 12:00:00',
                'firstname' => 'John',
                'lastname' => 'Doe',
                'email' => 'john.doe@mail.example',
                'reference' => '12345678',
                'products' => array(
                    array(
                        'id' => '100',
                        'name' => 'My Product 100',
                        'category_id' => 'cat1',
                        'category_name' => 'Category 1',
                        'qty' => '1',
                        'unit_price' => '25.90',
                        'mpn' => 'MPN100',
                        'ean13' => '1234567890123',
                        'sku' => 'SKU100',
                        'upc' => 'UPCCODE',
                        'url' => '',
                    ),
                ),
            ),
        ),
    ),
);
// Prepare CURL request
$ch = curl_init($apiEndPoint);
curl_setopt($ch, CURLOPT_RETURNTRANSFER, true);
curl_setopt($ch, CURLOPT_POSTFIELDS, $post);
// Execute CURL request
$response = curl_exec($ch);
// Close the connection, release resources used
curl_close($ch);
// Do anything you want with your response !
var_dump($response);
?>
