using System.Globalization;
using Net.Core.Io;
using Net.Core.Time;
using Net.Http3.Messages;
using Net.Http3.Server;

namespace Bench.Migration;

/// <summary>What is moved. <c>/</c> answers at once; <c>/paced/N</c> sends N bytes a millisecond, for ever; <c>/full</c> as fast as it can.</summary>
internal sealed class LoadComponent : IResumableComponent
{
    private static readonly TimeSpan s_pause = TimeSpan.FromMilliseconds(1);

    private readonly byte[] _bytes = new byte[256 * 1024];

    public async ValueTask HandleAsync(Http3Exchange exchange, CancellationToken cancellationToken)
    {
        string[] path = exchange.Path.Split('/');
        if (path[1].Length == 0)
        {
            await exchange.RespondAsync(204);
            return;
        }

        if (!exchange.ResponseStarted)
        {
            exchange.SaveState("x"u8);
            await exchange.RespondAsync(200, new FieldSection());
        }

        if (path[1] == "full")
        {
            while (true)
            {
                await exchange.WriteAsync(_bytes);
            }
        }

        int perMillisecond = int.Parse(path[2], CultureInfo.InvariantCulture);
        Instant begun = MonotonicClock.Now;
        for (double sent = 0; ;)
        {
            double due = (MonotonicClock.Now - begun).TotalMilliseconds * perMillisecond;
            int length = (int)double.Min(due - sent, _bytes.Length);
            if (length > 0)
            {
                await exchange.WriteAsync(_bytes.AsMemory(0, length));
                sent += length;
            }

            // A timer that was late does not make up for everything.
            sent = double.Max(sent, due - _bytes.Length);
            await exchange.DelayAsync(s_pause);
        }
    }
}
