using System.Buffers;
using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using Net.Http3.Server;
using Net.Migration.Hosting;

namespace Net.Tests.Scenarios.Machines;

/// <summary>Downloads, uploads, echoes and counts; every request goes on wherever it is resumed.</summary>
internal class TestComponent : IResumableComponent, IStatefulComponent
{
    private const int Line = 8;

    /// <summary>State of the component's own: each line of each counter takes the next number.</summary>
    private long _count;

    public static byte[] Download(int length) => [.. Enumerable.Range(0, length).Select(Pattern)];

    public void Save(IBufferWriter<byte> writer)
    {
        if (!_restored.Span.SequenceEqual(_asRestored))
        {
            throw new InvalidOperationException("what was given to the component has changed behind its back");
        }

        BinaryPrimitives.WriteInt64BigEndian(writer.GetSpan(sizeof(long)), _count);
        writer.Advance(sizeof(long));
    }

    private ReadOnlyMemory<byte> _restored;
    private byte[] _asRestored = [];

    /// <summary>The component does not take a state of this count.</summary>
    public long? Refuses { get; set; }

    public long Count => _count;

    public void Restore(ReadOnlyMemory<byte> state)
    {
        // It is the component's.
        (_restored, _asRestored) = (state, state.ToArray());
        // As a component may that notices only in the middle of it: the count is spoilt by then.
        _count = -1;
        long count = BinaryPrimitives.ReadInt64BigEndian(state.Span);
        _count = count != Refuses ? count : throw new InvalidDataException("not this one");
    }

    public async ValueTask HandleAsync(Http3Exchange exchange, CancellationToken cancellationToken)
    {
        string[] path = exchange.Path.Split('/');
        switch (path[1])
        {
            case "bytes": await SendAsync(exchange, int.Parse(path[2], CultureInfo.InvariantCulture)); break;
            // With fields that are worth an entry in the table of header compression.
            case "named": await SendAsync(exchange, int.Parse(path[2], CultureInfo.InvariantCulture), ("x-component", "the component of these tests")); break;
            case "hash": await HashAsync(exchange); break;
            case "echo": await EchoAsync(exchange); break;
            case "poll": await PollAsync(exchange, int.Parse(path[2], CultureInfo.InvariantCulture)); break;
            case "counter": await CountAsync(exchange, int.Parse(path[2], CultureInfo.InvariantCulture)); break;
            default: await exchange.RespondAsync(404, ("content-length", "0")); break;
        }
    }

    private static byte Pattern(int offset) => (byte)((offset * 31) ^ (offset >> 8));

    private static async ValueTask SendAsync(Http3Exchange exchange, int length, params (string Name, string Value)[] more)
    {
        if (!exchange.ResponseStarted)
        {
            await exchange.RespondAsync(200, [("content-length", length.ToString(CultureInfo.InvariantCulture)), .. more]);
        }

        byte[] buffer = new byte[3000];
        while (exchange.ResponseOffset < length)
        {
            int count = (int)long.Min(buffer.Length, length - exchange.ResponseOffset);
            for (int i = 0; i < count; i++)
            {
                buffer[i] = Pattern((int)exchange.ResponseOffset + i);
            }

            await exchange.WriteAsync(buffer.AsMemory(0, count));
        }
    }

    private static async ValueTask HashAsync(Http3Exchange exchange)
    {
        ulong hash = exchange.SavedState.Length == sizeof(ulong) ? BitConverter.ToUInt64(exchange.SavedState.Span) : 0;
        byte[] buffer = new byte[1500];
        for (int count; !exchange.ResponseStarted && (count = await exchange.ReadAsync(buffer)) > 0;)
        {
            foreach (byte b in buffer.AsSpan(0, count))
            {
                hash = ((hash << 5) | (hash >> 59)) ^ (b * 0x9E3779B97F4A7C15UL);
            }

            exchange.SaveState(BitConverter.GetBytes(hash));
        }

        byte[] text = Encoding.ASCII.GetBytes($"{exchange.RequestOffset} {hash:x16}\n");
        if (!exchange.ResponseStarted)
        {
            await exchange.RespondAsync(200, ("content-length", text.Length.ToString(CultureInfo.InvariantCulture)));
        }

        if (exchange.ResponseOffset < text.Length)
        {
            await exchange.WriteAsync(text.AsMemory((int)exchange.ResponseOffset));
        }
    }

    private static async ValueTask EchoAsync(Http3Exchange exchange)
    {
        if (!exchange.ResponseStarted)
        {
            await exchange.RespondAsync(200);
        }

        if (exchange.SavedState.Length > sizeof(long))
        {
            await WriteRestAsync(exchange);
        }

        byte[] buffer = new byte[2000];
        for (int count; (count = await exchange.ReadAsync(buffer)) > 0;)
        {
            exchange.SaveState([.. BitConverter.GetBytes(exchange.ResponseOffset), .. buffer.AsSpan(0, count)]);
            await exchange.WriteAsync(buffer.AsMemory(0, count));
        }
    }

    /// <summary>Silent for so many seconds, then an answer.</summary>
    private static async ValueTask PollAsync(Http3Exchange exchange, int seconds)
    {
        await exchange.DelayAsync(TimeSpan.FromSeconds(seconds));
        await exchange.RespondAsync(204);
    }

    private async ValueTask CountAsync(Http3Exchange exchange, int lines)
    {
        if (!exchange.ResponseStarted)
        {
            await exchange.RespondAsync(200);
        }

        if (exchange.SavedState.Length > sizeof(long))
        {
            await WriteRestAsync(exchange);
        }

        while (exchange.ResponseOffset < lines * Line)
        {
            await exchange.DelayAsync(TimeSpan.FromMilliseconds(7));
            byte[] line = Encoding.ASCII.GetBytes($"{++_count,Line - 1}\n");
            exchange.SaveState([.. BitConverter.GetBytes(exchange.ResponseOffset), .. line]);
            await exchange.WriteAsync(line);
        }
    }

    /// <summary>The saved state: the response offset at which its bytes begin, then the bytes.</summary>
    private static async ValueTask WriteRestAsync(Http3Exchange exchange)
    {
        byte[] saved = exchange.SavedState.ToArray();
        int done = (int)(exchange.ResponseOffset - BitConverter.ToInt64(saved));
        if (done < saved.Length - sizeof(long))
        {
            await exchange.WriteAsync(saved.AsMemory(sizeof(long) + done));
        }
    }
}

/// <summary>Half of the aggregate "shop".</summary>
[Component("cart")]
[Aggregate("shop")]
internal sealed class CartComponent : TestComponent;

/// <summary>The other half, with a count of its own.</summary>
[Component("orders")]
[Aggregate("shop")]
internal sealed class OrdersComponent : TestComponent;
