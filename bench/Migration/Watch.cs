using Net.Core.Connections;
using Net.Core.Recovery;
using Net.Core.Time;
using Net.Core.Wire;

namespace Bench.Migration;

/// <summary>Counts what a move must not cause: packets taken for lost, probe timeouts, windows made smaller; and the longest silence that a client saw.</summary>
internal sealed class Watch : IObserverSource
{
    private int _lost, _timeouts, _reductions;
    private Instant _last;
    private TimeSpan _longest;

    public int Lost => _lost;

    public int Timeouts => _timeouts;

    public int Reductions => _reductions;

    /// <summary>The longest time between two packets that a client received since this was called last.</summary>
    public TimeSpan TakeLongestSilence()
    {
        TimeSpan longest = _longest;
        _longest = TimeSpan.Zero;
        return longest;
    }

    public void Reset() => (_lost, _timeouts, _reductions, _longest) = (0, 0, 0, TimeSpan.Zero);

    public IConnectionObserver? Observe(in ConnectionView view, Instant now) => new Observer(this);

    private sealed class Observer(Watch watch) : IConnectionObserver
    {
        private int _ptoCount;
        private Instant _recoveryStart = Instant.Never;
        private bool _isKnown;

        public void OnPacketLost(PacketNumberSpace space, in SentPacket packet, bool byNumber, Instant now) => Interlocked.Increment(ref watch._lost);

        public void OnPacketReceived(in PacketTrace packet, ReadOnlySpan<byte> payload, Instant now)
        {
            TimeSpan silence = now - watch._last;
            watch._longest = watch._longest > silence || watch._last == default ? watch._longest : silence;
            watch._last = now;
        }

        public void OnStep(in ConnectionView view, Instant now)
        {
            RecoveryView recovery = view.Recovery;
            if (_isKnown && recovery.PtoCount > _ptoCount)
            {
                Interlocked.Increment(ref watch._timeouts);
            }

            if (_isKnown && recovery.RecoveryStart != _recoveryStart)
            {
                Interlocked.Increment(ref watch._reductions);
            }

            (_ptoCount, _recoveryStart, _isKnown) = (recovery.PtoCount, recovery.RecoveryStart, true);
        }

        public void OnPacketSent(in PacketTrace packet, ReadOnlySpan<byte> payload, Instant now) { }

        public void OnPacketNotRead(PacketKind kind, int length, PacketFate fate, Instant now) { }

        public void OnVersionNegotiation(ReadOnlySpan<uint> offered, Instant now) { }

        public void OnOwnership(OwnershipStep step, ulong epoch, Instant now) => _isKnown = false;

        public void OnReleased() { }
    }
}
