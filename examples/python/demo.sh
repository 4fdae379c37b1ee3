# Ten orders, one a second, and one that no handler takes: it becomes a dead letter.
AMQP_URL=$(cat /run/secrets/amqp_publisher)
export AMQP_URL
for order_id in 1 2 3 4 5 0 6 7 8 9 10; do
  python3 publish.py "$order_id" || exit 1
  sleep 1
done
