using System.Globalization;
using Interop.Federation;
using Interop.Peers;
using Interop.Processes;

namespace Interop.Cases;

/// <summary>A client of <c>/counter</c> that is read all the time: events count on, without a gap and without a repeat.</summary>
internal sealed class CounterWatch
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(20);

    private readonly CaseContext _context;
    private readonly Curl _client;
    private readonly Task _reading;
    private int _last;

    private CounterWatch(CaseContext context, Curl client)
    {
        (_context, _client) = (context, client);
        _reading = ReadAsync();
    }

    public int Last => Volatile.Read(ref _last);

    public static CounterWatch Start(CaseContext context, Peer curl, Cluster cluster) => new(context, Curl.Start(context, curl, cluster.Url("/counter")));

    /// <summary>An event must come that had not come before.</summary>
    public async Task MustGoOnAsync()
    {
        int before = Last;
        DateTime end = DateTime.UtcNow + s_patience;
        while (Last == before)
        {
            if (_reading.IsCompleted)
            {
                await _reading;
            }

            if (DateTime.UtcNow > end)
            {
                throw new CaseFailedException($"no event after {before} for {s_patience.TotalSeconds} s: {Child.LastLine(_client.Child.Errors)}");
            }

            await Task.Delay(50, _context.Cancellation);
        }
    }

    private async Task ReadAsync()
    {
        while (true)
        {
            string expected = string.Create(CultureInfo.InvariantCulture, $"data: {_last + 1}");
            string? line = await _client.Child.OutputLines.ReadLineAsync(_context.Cancellation);
            string? empty = line is null ? null : await _client.Child.OutputLines.ReadLineAsync(_context.Cancellation);
            if (line != expected || empty != "")
            {
                throw new CaseFailedException($"after event {_last} came '{line ?? "the end"}', not '{expected}' and an empty line: {Child.LastLine(_client.Child.Errors)}");
            }

            Volatile.Write(ref _last, _last + 1);
        }
    }
}
