<?php // A planner: reads a job a line, answers with its plan. handlers.cart.left.v1: {plan: {exec: [php, planner.php]}}
function plan(array $cart): array
{
    if (empty($cart['items'])) return ['reject' => 'an empty cart'];
    return ['effects' => [['kind' => 'mail', 'key' => 'customer', 'to' => $cart['email'],
                           'subject' => 'You left something', 'text' => 'In your cart: ' . implode(', ', $cart['items'])]]];
}

while (($line = fgets(STDIN)) !== false) {
    $job = json_decode($line, true);
    echo json_encode(['id' => $job['id']] + plan($job['data'])), "\n";
    flush();
}
