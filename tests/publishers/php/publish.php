<?php
// Publishes one message with php-amqplib, under which the queues of Laravel and Symfony's amqp-lib work.
// usage: php publish.php AMQP_HOST PORT USER PASSWORD VHOST QUEUE < {"properties": {}, "headers": {}, "body": ".."}
require '/usr/share/php/PhpAmqpLib/autoload.php';

use PhpAmqpLib\Connection\AMQPStreamConnection;
use PhpAmqpLib\Message\AMQPMessage;
use PhpAmqpLib\Wire\AMQPTable;

[, $host, $port, $user, $password, $vhost, $queue] = $argv;
$given = json_decode(stream_get_contents(STDIN), true);
$connection = new AMQPStreamConnection($host, $port, $user, $password, $vhost);
$channel = $connection->channel();
$channel->confirm_select();
$properties = $given['properties'] + ['delivery_mode' => AMQPMessage::DELIVERY_MODE_PERSISTENT];
if ($given['headers']) {
    $properties['application_headers'] = new AMQPTable($given['headers']);
}
$channel->basic_publish(new AMQPMessage($given['body'], $properties), '', $queue);
$channel->wait_for_pending_acks(10);
$connection->close();
