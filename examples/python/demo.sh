# Ten orders, one a second, and one that comes too late: a dead letter, which a redrive heals.
AMQP_URL=$(cat /run/secrets/amqp_publisher)
export AMQP_URL
for order_id in 1 2 3 4 5 6 7 8 9 10; do
  python3 publish.py "$order_id" || exit 1
  sleep 1
done
python3 publish.py 11 2020-01-01T00:00:00Z
