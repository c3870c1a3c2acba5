using Net.Core.Errors;
using Net.Core.Snapshots;
using Net.Core.Time;
using Net.Core.Wire;

namespace Net.Core.Recovery;

/// <summary>Loss detection and congestion control of a connection: the orchestrator over the parts of its three spaces (RFC 9002).</summary>
/// <remarks>
/// What goes in: packets sent, ACK frames received, and the time when <see cref="Deadline"/> has passed. What comes out: frames that
/// arrived or were lost (in the caller's buffers), one deadline, and how many bytes may be sent. The times are derived from the parts at
/// every call; nothing has to be re-armed. PING and ACK frames stay inside: nobody else wants to hear of their fate.
///
/// A hand-over exports <see cref="Parts"/> (the ApplicationData space and what all spaces share), and restores them with
/// <see cref="TryImport"/> for each section, then <see cref="CompleteImport"/>, then <see cref="OnOwnerChanged"/>.
/// </remarks>
internal sealed class LossRecovery(bool isServer, int datagramSize = LossRecovery.MinDatagramSize, CongestionAlgorithm? algorithm = CongestionAlgorithm.Cubic)
{
    /// <summary>Every path carries it (RFC 9000, section 14).</summary>
    public const int MinDatagramSize = 1200;

    /// <summary>Packets that a probe timeout sends (RFC 9002, section 6.2.4).</summary>
    public const int ProbesPerTimeout = 2;

    /// <summary>Open packets at which sending stops: tiny ones may not fill the memory before they fill the window.</summary>
    public const int MaxOutstanding = 1 << 17;

    /// <summary>
    /// Packets beyond the window, and such that only try a path, of which the peer may leave all unacknowledged. Who lives acknowledges one of so many, and
    /// probes become rare: this is a peer that makes us send, and remember, without end.
    /// </summary>
    public const int MaxUnheeded = 4096;

    /// <summary>Packets in a row that nobody has to acknowledge, after which a PING keeps our own ranges short (RFC 9000, section 13.2.4).</summary>
    public const int MaxSilentRun = 32;

    private readonly bool _isServer = isServer;
    private readonly RecoverySpace[] _spaces = [new(immediateAcks: true), new(immediateAcks: true), new(immediateAcks: false)];
    private readonly List<SentPacket> _newlyAcked = [];
    private readonly List<SentPacket> _newlyLost = [];
    // Without an algorithm they are imported, and made of their sections rather than made twice: CompleteImport sees that none is missing.
    private CongestionController _congestion = algorithm is CongestionAlgorithm known ? CongestionController.Create(known, datagramSize) : null!;
    private RttEstimator _rtt = algorithm is null ? null! : new();
    private Pacer _pacer = algorithm is null ? null! : new();
    private ProbeState _probes = algorithm is null ? null! : new();
    private Instant _pacedUntil = Instant.Never;
    // Never until something was sent: a client probes for answers to its ClientHello, not in its place (RFC 9000, section 17.2.2).
    private Instant _lastEvent = Instant.Never;
    private RecoverySections _imported;
    private int _lostPackets;
    private int _unheeded;
    private bool _handshakeConfirmed;
    private bool _peerCompletedAddressValidation = isServer;

    public RecoverySpace this[PacketNumberSpace space] => _spaces[(int)space];

    /// <summary>Null when nobody listens.</summary>
    public ILossObserver? Observer { get; set; }

    public RttEstimator Rtt => _rtt;

    public CongestionController Congestion => _congestion;

    /// <summary>Of all spaces (bytes_in_flight).</summary>
    public long BytesInFlight => _spaces[0].BytesInFlight + _spaces[1].BytesInFlight + _spaces[2].BytesInFlight;

    /// <summary>pto_count.</summary>
    public int PtoCount => _probes.Count;

    /// <summary>Probes that were asked for and not sent yet; the owner's first packet after a hand-over counts as one.</summary>
    public int PendingProbes => int.Max(_probes.Pending, _probes.OwnerProbe ? 1 : 0);

    /// <summary>Bytes of the largest packet that the latest ACK acknowledged.</summary>
    public int LargestNewlyAcked { get; private set; }

    /// <summary>Packets above <see cref="MinDatagramSize"/> that were lost by the latest ACK or timeout, without those that only tried a size.</summary>
    public int NewlyLostLarge { get; private set; }

    /// <summary>The peer acknowledges nothing, and yet we have had to send: see <see cref="MaxUnheeded"/>. Counted by each owner for itself.</summary>
    public bool IsUnheeded => _unheeded > MaxUnheeded;

    /// <summary>Packets may be marked ECT(0): no miscount was found.</summary>
    public bool IsEcnUsable => _spaces[0].IsEcnUsable && _spaces[1].IsEcnUsable && _spaces[2].IsEcnUsable;

    /// <summary>How the next packets are to be marked: as ECT(0) while no space says that this does not work.</summary>
    public Ecn Marking => _spaces[0].MayMark && _spaces[1].MayMark && _spaces[2].MayMark ? Ecn.Ect0 : Ecn.NotEct;

    /// <summary>A server that may not send until more has come in has no use for a timer (RFC 9002, section 6.2.2.1).</summary>
    public bool IsAmplificationBlocked { get; set; }

    /// <summary>A client that has none to probe with uses an Initial (RFC 9002, section 6.2.2.1).</summary>
    public bool HasHandshakeKeys { get; set; }

    /// <summary>The earliest ACK that is due, of all spaces.</summary>
    public Instant AckDeadline => Instant.Min(
        _spaces[0].AckDeadline,
        Instant.Min(_spaces[1].AckDeadline, _spaces[2].AckDeadline));

    /// <summary>When to call <see cref="OnTimeout"/>, or when pacing lets more out.</summary>
    public Instant Deadline => Instant.Min(_pacedUntil, LossDetectionTimer);

    /// <summary>loss_detection_timer of RFC 9002, appendix A.8.</summary>
    public Instant LossDetectionTimer
    {
        get
        {
            Instant lossTime = LossDetector.EarliestLossTime(_spaces, out _);
            return lossTime.IsNever ? ProbeTimeout(out _) : lossTime;
        }
    }

    /// <summary>The parts that a hand-over takes along.</summary>
    public IEnumerable<TravellingPart> Parts
    {
        get
        {
            RecoverySpace space = this[PacketNumberSpace.ApplicationData];
            yield return TravellingPart.Of(space.Numbers);
            yield return TravellingPart.Of(space.Sent);
            yield return TravellingPart.Of(space.Received);
            yield return TravellingPart.Of(_rtt);
            yield return new(SectionNumber.Congestion, RecoverySection.ControllerKey, _congestion.Changes, _congestion.Export);
            yield return TravellingPart.Of(_pacer, RecoverySection.PacerKey);
            yield return TravellingPart.Of(_probes, RecoverySection.ProbesKey);
            yield return TravellingPart.Of(space.Ecn, RecoverySection.EcnKey);
        }
    }

    /// <summary>Without back-off; with the peer's max_ack_delay for the ApplicationData space.</summary>
    public TimeSpan Pto(bool withMaxAckDelay) => _rtt.Pto(withMaxAckDelay);

    /// <summary>A packet was sealed, with what it carried.</summary>
    public void OnSent(
        PacketNumberSpace space, ulong number, Instant now, int size, bool ackEliciting, bool inFlight, Ecn ecn, ReadOnlySpan<SentFrame> frames)
    {
        RecoverySpace s = this[space];
        s.Sent.OnSent(number, now, size, ackEliciting, inFlight, ecn, frames);
        s.Ecn.OnSent(ecn);
        _lastEvent = now;
        if (ackEliciting)
        {
            _probes.OnAckElicitingSent();
        }

        if (inFlight)
        {
            long bytes = BytesInFlight;
            _unheeded += bytes > _congestion.Window || LostFrames.IsPathProbe(frames) ? 1 : 0;
            _congestion.OnSent(bytes);
            _pacer.OnSent(size, now, _congestion, _rtt);
        }
    }

    /// <summary>An ACK frame came in.</summary>
    /// <param name="space">Of the packet that held it.</param>
    /// <param name="frame">The frame.</param>
    /// <param name="ackDelay">Its delay, see <see cref="RttEstimator.DecodeAckDelay"/>.</param>
    /// <param name="now">When the packet arrived.</param>
    /// <param name="handshakeConfirmed">RFC 9001, section 4.1.2.</param>
    /// <param name="acked">Frames that arrived are appended here.</param>
    /// <param name="lost">Frames that are lost are appended here.</param>
    /// <param name="heardAt">When it came, if it had to wait for keys: no part of a round trip (RFC 9002, section 5.3).</param>
    /// <returns>PROTOCOL_VIOLATION when a number is acknowledged that was never sent; then nothing has changed.</returns>
    public TransportError OnAck(
        PacketNumberSpace space, in AckFrame frame, TimeSpan ackDelay, Instant now, bool handshakeConfirmed,
        SentFrameBuffer acked, SentFrameBuffer lost, Instant? heardAt = null)
    {
        RecoverySpace s = this[space];
        if (frame.Largest >= s.Numbers.Next)
        {
            return TransportError.ProtocolViolation("a packet was acknowledged that was never sent", FrameType.Ack);
        }

        foreach ((ulong smallest, ulong largest) in frame.Ranges)
        {
            if (s.Numbers.HoldsSkipped(smallest, largest))
            {
                return TransportError.ProtocolViolation("a packet number was acknowledged that was left out", FrameType.Ack);
            }
        }

        if (s.IsDiscarded)
        {
            return TransportError.None;
        }

        _handshakeConfirmed |= handshakeConfirmed;
        _peerCompletedAddressValidation |= space == PacketNumberSpace.Handshake || _handshakeConfirmed;
        _lastEvent = now;
        LargestNewlyAcked = 0;
        NewlyLostLarge = 0;
        TakeAcked(s, frame, acked);
        if (_newlyAcked.Count == 0)
        {
            return TransportError.None;
        }

        _unheeded = 0;
        // The newest stands first, as ranges descend.
        SentPacket newest = _newlyAcked[0];
        bool raisesLargest = s.Numbers.LargestAcked is not ulong before || newest.Number > before;
        s.Numbers.OnAcked(newest.Number);
        UpdateRtt(space, frame, newest, ackDelay, heardAt ?? now);
        if (raisesLargest && ProcessEcn(s, frame))
        {
            _congestion.OnCongestion(newest.SentAt, now);
        }

        DetectLost(s, now, lost);
        foreach (SentPacket packet in _newlyAcked)
        {
            if (packet.InFlight)
            {
                _congestion.OnAcked(packet.SentAt, packet.Size, now, _rtt);
            }
        }

        // A client whose address may not be validated yet must go on backing off (RFC 9002, section 6.2.1).
        if (_peerCompletedAddressValidation)
        {
            _probes.Reset();
        }

        _pacedUntil = Instant.Never;
        return TransportError.None;
    }

    /// <summary>Call when <see cref="Deadline"/> has passed; too early does no harm.</summary>
    /// <param name="now">The time.</param>
    /// <param name="lost">
    /// Frames to send again are appended here. For probes these are copies of the oldest that are open: they are not lost, they only are
    /// what is worth a probe, and may be acknowledged yet.
    /// </param>
    public LossTimeout OnTimeout(Instant now, SentFrameBuffer lost)
    {
        if (now >= _pacedUntil)
        {
            _pacedUntil = Instant.Never;
        }

        Instant lossTime = LossDetector.EarliestLossTime(_spaces, out PacketNumberSpace lossSpace);
        if (!lossTime.IsNever)
        {
            if (now < lossTime)
            {
                return new(LossTimeoutKind.Nothing);
            }

            _lastEvent = now;
            NewlyLostLarge = 0;
            DetectLost(this[lossSpace], now, lost);
            return new(LossTimeoutKind.Lost, lossSpace);
        }

        Instant timeout = ProbeTimeout(out PacketNumberSpace space);
        if (timeout.IsNever || now < timeout)
        {
            return new(LossTimeoutKind.Nothing);
        }

        _lastEvent = now;
        // Nothing in flight: a client that only keeps the server from a deadlock sends one packet (RFC 9002, section 6.2.2.1).
        int probes = this[space].Sent.AckElicitingInFlight == 0 ? 1 : ProbesPerTimeout;
        _probes.OnTimeout(probes);
        LostFrames.CopyOldest(this[space].Sent, probes, lost);
        return new(LossTimeoutKind.SendProbes, space, probes);
    }

    /// <summary>How many packets were declared lost since the last call.</summary>
    public int TakeLostPackets()
    {
        int lost = _lostPackets;
        _lostPackets = 0;
        return lost;
    }

    /// <summary>Bytes that may be sent now: 0, or one full datagram at least.</summary>
    /// <remarks>Packets that hold nothing but ACKs are not bound by it. When pacing says 0, <see cref="Deadline"/> says until when.</remarks>
    public int SendAllowance(Instant now)
    {
        int datagram = _congestion.DatagramSize;
        if (_spaces[2].Sent.Count >= MaxOutstanding)
        {
            return 0;
        }

        int beyond = datagram * PendingProbes;
        long window = _congestion.Window - BytesInFlight;
        if (window < datagram)
        {
            _pacedUntil = Instant.Never;
            return beyond;
        }

        long paced = _pacer.Available(now, _congestion, _rtt);
        if (paced < datagram)
        {
            _pacedUntil = _pacer.NextAt(now, _congestion, _rtt);
            return beyond;
        }

        _pacedUntil = Instant.Never;
        return (int)long.Max(beyond, long.Min(window, paced));
    }

    /// <summary>An ACK-only sender should add a PING, or the ranges that it repeats are never confirmed (RFC 9000, section 13.2.4).</summary>
    public bool WantsPing(PacketNumberSpace space) => (this[space].Sent.SilentRun >= MaxSilentRun && this[space].Received.RangeCount > 1)
        || (space == PacketNumberSpace.ApplicationData && _handshakeConfirmed && this[space].NeedsEcho);

    /// <summary>The handshake is confirmed: ApplicationData packets have a probe timeout from now on, and the peer's address is validated.</summary>
    public void OnHandshakeConfirmed()
    {
        _handshakeConfirmed = true;
        _peerCompletedAddressValidation = true;
    }

    /// <summary>The keys of a space are gone: its packets no longer count, and nothing more comes of them (RFC 9002, section 6.4).</summary>
    public void Discard(PacketNumberSpace space, Instant now)
    {
        RecoverySpace s = this[space];
        s.IsDiscarded = true;
        s.Received = new(immediate: true);
        s.Sent.LossTime = Instant.Never;
        for (ulong from = 0; s.Sent.TryFindAtOrAbove(from, out SentPacket packet); from = packet.Number + 1)
        {
            s.Sent.Forget(packet.Number);
        }

        _probes.Reset();
        _lastEvent = now;
    }

    /// <summary>Has what the oldest packet under way carries sent again, although nothing says that it is lost.</summary>
    public void RepeatOldest(PacketNumberSpace space, SentFrameBuffer target) => LostFrames.CopyOldest(this[space].Sent, 1, target);

    /// <summary>All packets of a space were in vain, without any congestion: after a Retry (RFC 9002, section 6.3).</summary>
    /// <param name="isAnswered">They were answered: how long that took tells how far the server is.</param>
    public void OnAllInVain(PacketNumberSpace space, Instant now, SentFrameBuffer lost, bool isAnswered = false)
    {
        SentPackets sent = this[space].Sent;
        if (isAnswered && sent.TryFindAtOrAbove(0, out SentPacket first))
        {
            _rtt.Suppose(now - first.SentAt);
        }

        for (ulong from = 0; sent.TryFindAtOrAbove(from, out SentPacket packet); from = packet.Number + 1)
        {
            LostFrames.Append(sent, packet.Number, lost);
            sent.Forget(packet.Number);
        }

        sent.LossTime = Instant.Never;
        _probes.Reset();
        _lastEvent = now;
    }

    /// <summary>A sealed packet was thrown away before it was sent: its number stays spent, its frames are to be sent again.</summary>
    /// <remarks>Not a loss: the network had no part in it. Does nothing when the packet is not open.</remarks>
    public void OnNotSent(PacketNumberSpace space, ulong number, SentFrameBuffer lost)
    {
        RecoverySpace s = this[space];
        if (!s.Sent.TryGet(number, out _))
        {
            return;
        }

        int start = lost.Count;
        s.Sent.CopyFrames(number, lost);
        foreach (SentFrame frame in lost.Frames[start..])
        {
            if (frame.Kind == SentFrameKind.Ack)
            {
                s.Received.OnAckNotSent();
            }
        }

        lost.RemoveSilent(start);
        s.Sent.Forget(number);
    }

    /// <summary>The peer is reached by another path, or another part of the network (RFC 9000, section 9.4).</summary>
    public void OnPathChanged(Instant now)
    {
        _congestion.OnPathChanged(now);
        _rtt.OnPathChanged(now);
        _pacer.Reset();
        _probes.Reset();
        _spaces[2].Ecn.OnPathChanged();
        _pacedUntil = Instant.Never;
    }

    /// <summary>This machine has taken the connection over, and serves from now on.</summary>
    /// <param name="now">The moment of resumption.</param>
    /// <param name="samePath">Client address and ingress are those of before: round-trip time and window hold on.</param>
    public void OnOwnerChanged(Instant now, bool samePath)
    {
        if (samePath)
        {
            _rtt.OnClockBroken(now);
        }
        else
        {
            OnPathChanged(now);
        }

        this[PacketNumberSpace.ApplicationData].Numbers.OnOwnerChanged();
        _probes.OnOwnerChanged();
        _lastEvent = now;
    }

    /// <summary>This machine goes on serving after a freeze: the time that it lasted counts for nothing, neither as age nor as round trip.</summary>
    public void OnThawed(Instant now, TimeSpan frozen)
    {
        this[PacketNumberSpace.ApplicationData].Sent.Postpone(frozen);
        _congestion.Postpone(frozen);
        _rtt.OnClockBroken(now);
        _lastEvent = now;
    }

    /// <summary>Takes a section that an old owner's <see cref="Parts"/> wrote; false when it is none of ours.</summary>
    /// <exception cref="SnapshotException">The section is cut short or contradicts itself.</exception>
    public bool TryImport(ulong section, ulong key, SnapshotReader reader)
    {
        RecoverySpace space = this[PacketNumberSpace.ApplicationData];
        RecoverySections which = RecoverySection.Of(section, key);
        switch (which)
        {
            case RecoverySections.Numbers: space.Numbers = PacketNumbers.Import(reader); break;
            case RecoverySections.Sent: space.Sent = SentPackets.Import(reader); break;
            case RecoverySections.Received: space.Received = ReceivedPackets.Import(reader); break;
            case RecoverySections.Rtt: _rtt = RttEstimator.Import(reader); break;
            case RecoverySections.Congestion: _congestion = CongestionController.Import(reader); break;
            case RecoverySections.Pacer: _pacer = Pacer.Import(reader); break;
            case RecoverySections.Probes: _probes = ProbeState.Import(reader); break;
            case RecoverySections.Ecn: space.Ecn = EcnValidation.Import(reader); break;
            default: return false;
        }

        reader.End();
        _imported |= which;
        return true;
    }

    /// <summary>All sections have been given: checks that none is missing and that they fit each other. The handshake is over.</summary>
    /// <exception cref="SnapshotException">They do not.</exception>
    public void CompleteImport(Instant now)
    {
        RecoverySpace space = this[PacketNumberSpace.ApplicationData];
        bool sound = _imported == RecoverySections.All
            && space.Sent.End <= space.Numbers.Next
            && (space.Sent.LossTime.IsNever || space.Numbers.LargestAcked is not null);
        if (!sound)
        {
            throw new SnapshotException("loss recovery is incomplete or contradicts itself");
        }

        _spaces[(int)PacketNumberSpace.Initial].IsDiscarded = true;
        _spaces[(int)PacketNumberSpace.Handshake].IsDiscarded = true;
        _lastEvent = now;
        OnHandshakeConfirmed();
    }

    private void TakeAcked(RecoverySpace s, in AckFrame frame, SentFrameBuffer acked)
    {
        _newlyAcked.Clear();
        foreach ((ulong smallest, ulong largest) in frame.Ranges)
        {
            ulong from = largest;
            while (s.Sent.TryFindAtOrBelow(from, out SentPacket packet) && packet.Number >= smallest)
            {
                int start = acked.Count;
                s.Sent.CopyFrames(packet.Number, acked);
                foreach (SentFrame sent in acked.Frames[start..])
                {
                    if (sent.Kind == SentFrameKind.Ack)
                    {
                        s.Received.OnAckOfAck(sent);
                    }
                }

                acked.RemoveSilent(start);
                s.Sent.OnAcked(packet.Number);
                _newlyAcked.Add(packet);
                LargestNewlyAcked = int.Max(LargestNewlyAcked, packet.Size);
                if (packet.Number == 0)
                {
                    break;
                }

                from = packet.Number - 1;
            }
        }
    }

    /// <summary>A sample needs the largest number of the ACK to be new, and something that the peer had to acknowledge (RFC 9002, section 5.1).</summary>
    private void UpdateRtt(PacketNumberSpace space, in AckFrame frame, SentPacket newest, TimeSpan ackDelay, Instant heardAt)
    {
        bool elicited = false;
        foreach (SentPacket packet in _newlyAcked)
        {
            elicited |= packet.AckEliciting;
        }

        if (elicited && newest.Number == frame.Largest && heardAt >= newest.SentAt)
        {
            // Initial packets are acknowledged at once: a delay there is none of the peer's making (RFC 9002, section 5.3).
            _rtt.OnSample(newest.SentAt, heardAt, space == PacketNumberSpace.Initial ? TimeSpan.Zero : ackDelay, _handshakeConfirmed);
        }
    }

    private bool ProcessEcn(RecoverySpace s, in AckFrame frame)
    {
        ulong ect0 = 0, ect1 = 0;
        foreach (SentPacket packet in _newlyAcked)
        {
            ect0 += packet.Ecn == Ecn.Ect0 ? 1UL : 0UL;
            ect1 += packet.Ecn == Ecn.Ect1 ? 1UL : 0UL;
        }

        return s.Ecn.OnAck(frame.HasEcn, frame.Ecn, ect0, ect1);
    }

    private void DetectLost(RecoverySpace s, Instant now, SentFrameBuffer lost)
    {
        LossDetector.Detect(s, _rtt, now, _newlyLost);
        bool persistent = LossDetector.IsPersistentCongestion(s.Sent, _rtt, _newlyLost);
        LossDetector.Tell(Observer, (PacketNumberSpace)Array.IndexOf(_spaces, s), s, _newlyLost, now);
        Instant? newest = null;
        foreach (SentPacket packet in _newlyLost)
        {
            int start = lost.Count;
            LostFrames.Append(s.Sent, packet.Number, lost);
            s.Sent.OnLost(packet.Number);
            _lostPackets++;
            if (packet.InFlight && !LostFrames.IsPathProbe(lost.Frames[start..]))
            {
                newest = packet.SentAt;
                NewlyLostLarge += packet.Size > MinDatagramSize ? 1 : 0;
            }
        }

        persistent &= newest is not null;

        if (newest is Instant sentAt)
        {
            _congestion.OnCongestion(sentAt, now);
        }

        if (persistent)
        {
            _congestion.OnPersistentCongestion();
            _rtt.OnPersistentCongestion();
        }
    }

    /// <summary>GetPtoTimeAndSpace of RFC 9002, appendix A.8.</summary>
    private Instant ProbeTimeout(out PacketNumberSpace space)
    {
        space = PacketNumberSpace.Initial;
        if (_isServer && IsAmplificationBlocked)
        {
            return Instant.Never;
        }

        TimeSpan duration = BackOff(_rtt.Pto(withMaxAckDelay: false));
        if (_spaces[0].AckElicitingInFlight + _spaces[1].AckElicitingInFlight + _spaces[2].AckElicitingInFlight == 0)
        {
            // Only a client: the server may be out of credit, and has no timer then.
            space = HasHandshakeKeys ? PacketNumberSpace.Handshake : PacketNumberSpace.Initial;
            return _peerCompletedAddressValidation ? Instant.Never : _lastEvent + duration;
        }

        Instant earliest = Instant.Never;
        for (int i = 0; i < _spaces.Length; i++)
        {
            bool isApplication = i == (int)PacketNumberSpace.ApplicationData;
            if (_spaces[i].AckElicitingInFlight == 0 || (isApplication && !_handshakeConfirmed))
            {
                continue;
            }

            Instant time = _spaces[i].Sent.LastAckElicitingAt + (isApplication ? BackOff(_rtt.Pto(withMaxAckDelay: true)) : duration);
            if (time < earliest)
            {
                earliest = time;
                space = (PacketNumberSpace)i;
            }
        }

        return earliest;
    }

    private TimeSpan BackOff(TimeSpan pto) => new(pto.Ticks << _probes.Count);
}
