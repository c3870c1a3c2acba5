using Net.Core.Time;
using Net.Core.Wire;
using Net.Migration.Hosting;
using Net.Migration.Link;

namespace Net.Tests.Scenarios.Machines;

/// <summary>A link between two machines: in order and complete until it is lost, which each end notices in its own time.</summary>
internal sealed class SimulatedLink
{
    private readonly Federation _federation;

    public SimulatedLink(Federation federation, Machine first, string firstName, Machine second, string secondName)
    {
        _federation = federation;
        First = new(this, first, secondName);
        Second = new(this, second, firstName);
        federation.Links.Add(this);
    }

    public End First { get; }

    public End Second { get; }

    public bool IsCut { get; private set; }

    public bool Joins(Machine a, Machine b) => (First.Machine == a && Second.Machine == b) || (First.Machine == b && Second.Machine == a);

    public bool Ends(Machine machine) => First.Machine == machine || Second.Machine == machine;

    /// <summary>Nothing that is on its way arrives any more.</summary>
    public void Cut()
    {
        if (!IsCut)
        {
            IsCut = true;
            _federation.Links.Remove(this);
            foreach (End end in (ReadOnlySpan<End>)[First, Second])
            {
                _federation.World.After(_federation.World.Random.Between(TimeSpan.FromMilliseconds(1), TimeSpan.FromMilliseconds(300)), end.Lose);
            }
        }
    }

    internal sealed class End(SimulatedLink link, Machine machine, string peerName) : ILink, IControlPeer
    {
        private Instant _lastArrival;
        private bool _isLost;

        public Machine Machine => machine;

        public string PeerName => peerName;

        public string Name => peerName;

        public object? State { get; set; }

        public long Waiting { get; private set; }

        /// <summary>Of the ingress that this end is at.</summary>
        public UdpAddress DataAddress { get; set; }

        public Action<End, LinkMessage> OnMessage { get; set; } = (_, _) => { };

        public Action<End> OnLost { get; set; } = _ => { };

        private End Other => link.First == this ? link.Second : link.First;

        public void Send(LinkMessage message)
        {
            Federation federation = link._federation;
            if (_isLost || link.IsCut || !machine.IsUp)
            {
                return;
            }

            federation.OnSaid(machine, peerName, message);
            byte[] record = LinkCodec.Write(message);
            federation.Trace((int)message.Type, record);
            DirectoryFaults faults = federation.Directory;
            if (message is OwnershipAskMessage or OwnershipReplyMessage)
            {
                // A directory on other machines: each request and each answer goes its own way.
                int copies = faults.IsSilent || federation.World.Random.OneIn(faults.LostOneIn) ? 0 : federation.World.Random.OneIn(faults.DoubledOneIn) ? 2 : 1;
                for (; copies > 0; copies--)
                {
                    federation.World.After(federation.World.Random.Between(faults.MinDelay, faults.MaxDelay), () => Other.Arrive(record));
                }

                return;
            }

            _lastArrival = Instant.Max(_lastArrival, federation.World.Now + federation.World.Random.Between(federation.LinkMinDelay, federation.LinkMaxDelay));
            if (message is DirectoryUpdateMessage && faults.IsSilent)
            {
                // News may be late, but is never lost.
                faults.Postponed.Add(() => Other.Arrive(record));
                return;
            }

            Waiting += record.Length;
            federation.World.At(_lastArrival, () =>
            {
                Waiting -= record.Length;
                Other.Arrive(record);
            });
        }

        public void Close() => link.Cut();

        public ValueTask DisposeAsync()
        {
            link.Cut();
            return ValueTask.CompletedTask;
        }

        public void Lose()
        {
            if (!_isLost)
            {
                _isLost = true;
                machine.Run(() => OnLost(this));
            }
        }

        private void Arrive(byte[] record)
        {
            if (link.IsCut || _isLost)
            {
                return;
            }

            machine.Run(() =>
            {
                Assert.AreEqual(LinkRead.Message, LinkCodec.TryRead(record, out int consumed, out LinkMessage? message));
                Assert.AreEqual(record.Length, consumed);
                OnMessage(this, message!);
            });
        }
    }
}

/// <summary>What happens to requests of the directory, and to its answers. One in so many; 0 = none.</summary>
internal sealed class DirectoryFaults
{
    public int LostOneIn { get; set; }

    public int DoubledOneIn { get; set; }

    public TimeSpan MinDelay { get; set; } = TimeSpan.FromMilliseconds(0.2);

    public TimeSpan MaxDelay { get; set; } = TimeSpan.FromMilliseconds(0.5);

    /// <summary>Nothing comes from it, and nothing reaches it. Call <see cref="Speak"/> to end this.</summary>
    public bool IsSilent { get; set; }

    public List<Action> Postponed { get; } = [];

    public void Speak()
    {
        IsSilent = false;
        foreach (Action action in Postponed)
        {
            action();
        }

        Postponed.Clear();
    }

    public static DirectoryFaults Bad => new() { LostOneIn = 3, DoubledOneIn = 4, MaxDelay = TimeSpan.FromMilliseconds(400) };
}
