using Net.Core.Snapshots;
using Net.Core.Time;
using Net.Core.Wire;

namespace Net.Core.Streams;

/// <summary>Lets a receive window grow with the path's bandwidth-delay product, measured by what the reader takes (RFC 9000, section 4.2).</summary>
/// <remarks>
/// <para>A window that is read faster than once in <see cref="RoundTrips"/> round trips may be what holds the sender up: it doubles, up to a limit.</para>
/// <para>Only bytes that the application has read count, never what the peer sends, skips, resets or asks for (checklist S56).
/// A mutable value.</para>
/// </remarks>
internal struct WindowTuner
{
    /// <summary>The peer hears of a new limit after half a window, and a round trip later we see the effect: two would be just enough.</summary>
    public const int RoundTrips = 4;

    private ulong _read;
    private Instant _since = Instant.Never;

    public WindowTuner()
    {
    }

    public void OnRead(ulong amount) => _read += amount;

    /// <summary>The window to grant from now on; asked for when the peer is about to be told a limit.</summary>
    /// <param name="window">What is granted now.</param>
    /// <param name="max">Never more than this, unless it is more already.</param>
    /// <param name="now">The time.</param>
    /// <param name="roundTrip">Zero while it is not known: then nothing grows.</param>
    public ulong Next(ulong window, ulong max, Instant now, TimeSpan roundTrip)
    {
        if (_read < (window + 1) / 2)
        {
            // A limit that is told early, or again: too little was read to measure anything.
            return window;
        }

        bool isFast = !_since.IsNever && (Int128)(now - _since).Ticks * window < (Int128)roundTrip.Ticks * RoundTrips * _read;
        _since = now;
        _read = 0;
        return isFast ? ulong.Max(window, ulong.Min(window * 2, max)) : window;
    }

    public readonly void Export(SnapshotWriter writer)
    {
        writer.WriteNumber(_read);
        writer.WriteInstant(_since);
    }

    public static WindowTuner Import(SnapshotReader reader) =>
        new() { _read = reader.ReadNumber(VarInt.MaxValue), _since = reader.ReadInstant() };
}
