import com.rabbitmq.client.Channel;
import com.rabbitmq.client.Connection;
import com.rabbitmq.client.ConnectionFactory;
import com.rabbitmq.client.AMQP.BasicProperties;
import java.util.Date;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * Publishes one order to leveret with RabbitMQ's client. usage, the broker in AMQP_URL:
 *     java -cp /usr/share/java/amqp-client.jar:/usr/share/java/slf4j-api.jar Publish.java ORDER_ID
 * The jars are Debian's (librabbitmq-client-java); with Maven or Gradle: com.rabbitmq:amqp-client.
 */
public class Publish {
    public static void main(String[] words) throws Exception {
        long orderId = Long.parseLong(words[0]);
        ConnectionFactory factory = new ConnectionFactory();
        factory.setUri(System.getenv("AMQP_URL"));
        String id = UUID.randomUUID().toString(); // the idempotency key: after an error publish again with the same one
        String span = UUID.randomUUID().toString().replace("-", "").substring(0, 16);
        String trace = "00-" + UUID.randomUUID().toString().replace("-", "") + "-" + span + "-01"; // in a service: the request's
        BasicProperties properties = new BasicProperties.Builder()
                .messageId(id).type("order.created.v1").contentType("application/json").deliveryMode(2)
                .timestamp(new Date()).appId("shop")
                .headers(Map.of("subject", "order/" + orderId, "traceparent", trace))
                .build();
        String order = "{\"order_id\": " + orderId + ", \"customer_email\": \"ada@example.com\", \"title\": \"A hare\"}";
        try (Connection connection = factory.newConnection(); Channel channel = connection.createChannel()) {
            AtomicBoolean returned = new AtomicBoolean();
            channel.addReturnListener((code, text, exchange, key, back, body) -> returned.set(true));
            channel.confirmSelect();
            channel.basicPublish("leveret.in", "order.created.v1", /* mandatory */ true, properties, order.getBytes("UTF-8"));
            channel.waitForConfirmsOrDie(10_000); // throws unless the broker has taken the message
            if (returned.get())
                throw new IllegalStateException("no queue for order.created.v1");
        }
        System.out.println(id);
    }
}
