// Sends what RabbitTemplate with a Jackson2JsonMessageConverter puts on the wire, by the client that it uses.
// usage: java Send AMQP_URL QUEUE CLASS BODY
import com.rabbitmq.client.AMQP;
import com.rabbitmq.client.Channel;
import com.rabbitmq.client.Connection;
import com.rabbitmq.client.ConnectionFactory;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;

public final class Send {
    public static void main(String[] words) throws Exception {
        ConnectionFactory factory = new ConnectionFactory();
        factory.setUri(words[0]);
        Map<String, Object> headers = new HashMap<>();
        headers.put("__TypeId__", words[2]);
        AMQP.BasicProperties properties = new AMQP.BasicProperties.Builder()
                .contentType("application/json")
                .contentEncoding("UTF-8")
                .headers(headers)
                .deliveryMode(2)
                .priority(0)
                .build();
        try (Connection connection = factory.newConnection(); Channel channel = connection.createChannel()) {
            channel.confirmSelect();
            channel.basicPublish("", words[1], properties, words[3].getBytes(StandardCharsets.UTF_8));
            channel.waitForConfirmsOrDie(10_000);
        }
    }
}
