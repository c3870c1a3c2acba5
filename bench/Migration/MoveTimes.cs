using System.Globalization;
using Net.Core.Io;
using Net.Core.Time;
using Net.Migration.Hosting;
using Net.Migration.Link;

namespace Bench.Migration;

/// <summary>When each phase of the move under way was reached, and the histograms of what lies between.</summary>
internal sealed class MoveTimes
{
    private static readonly (string Name, MovePhase From, MovePhase To)[] s_spans =
    [
        ("freeze, marker, export", MovePhase.Freezing, MovePhase.Exported),
        ("sealed, given to the link", MovePhase.Exported, MovePhase.Sent),
        ("arrived and decoded", MovePhase.Sent, MovePhase.Decoded),
        ("restored", MovePhase.Decoded, MovePhase.Restored),
        ("Ready heard, move asked for", MovePhase.Restored, MovePhase.Asked),
        ("CAS, log flushed, commit heard", MovePhase.Asked, MovePhase.Committed),
        ("serving", MovePhase.Committed, MovePhase.Serving),
        ("FREEZE: standing still until serving", MovePhase.Freezing, MovePhase.Serving),
        ("... until a client's first datagram", MovePhase.Freezing, MovePhase.First),
    ];

    /// <summary>Moves that are told one by one.</summary>
    private const int Slowest = 3;

    private readonly Instant[] _at = new Instant[Enum.GetValues<MovePhase>().Length];
    private readonly Histogram[] _spans = [.. s_spans.Select(span => new Histogram(span.Name))];
    private readonly List<(double Milliseconds, string Story)> _slowest = [];
    private RuntimeWork _before;
    private readonly Histogram _reported = new("as reported by the command");
    private readonly Histogram _silence = new("longest silence at the client");

    /// <summary>Of the whole freeze.</summary>
    public Histogram Freeze => _spans[^2];

    /// <summary>What of it is not the directory's: neither the compare-and-swap, nor the way there and back.</summary>
    public Histogram WithoutDirectory { get; } = new("... without the directory");

    public void On(MovePhase phase) => _at[(int)phase] = MonotonicClock.Now;

    public void Begin()
    {
        Array.Clear(_at);
        _before = RuntimeWork.Now;
    }

    public void End(MigrateReport report, TimeSpan silence)
    {
        for (int i = 0; i < s_spans.Length; i++)
        {
            (Instant from, Instant to) = (_at[(int)s_spans[i].From], _at[(int)s_spans[i].To]);
            if (from != default && to != default)
            {
                _spans[i].Add(to - from);
            }
        }

        RuntimeWork during = RuntimeWork.Now - _before;
        _slowest.Add(((_at[(int)MovePhase.Serving] - _at[(int)MovePhase.Freezing]).TotalMilliseconds, string.Create(CultureInfo.InvariantCulture,
            $"{string.Join(" ", s_spans[..^2].Select(span => (int)(_at[(int)span.To] - _at[(int)span.From]).TotalMicroseconds))} us; {during}")));
        WithoutDirectory.Add(_at[(int)MovePhase.Serving] - _at[(int)MovePhase.Freezing] - (_at[(int)MovePhase.Committed] - _at[(int)MovePhase.Asked]));
        _reported.Add(report.Freeze);
        if (silence > TimeSpan.Zero)
        {
            _silence.Add(silence);
        }
    }

    public void Print()
    {
        foreach ((double milliseconds, string story) in _slowest.OrderByDescending(static move => move.Milliseconds).Take(Slowest))
        {
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"  {milliseconds:0.00} ms: {story}"));
        }

        foreach (Histogram span in _spans)
        {
            span.Print();
        }

        WithoutDirectory.Print();
        _reported.Print();
        if (_silence.Count > 0)
        {
            _silence.Print();
        }
    }
}
