using System.Security.Cryptography.X509Certificates;
using Net.Core.Time;
using Net.Migration.Directory;
using Net.Migration.Hosting;
using Net.Migration.Ingress;
using Net.Migration.Link;
using Net.Node.Data;
using Net.Tests.Migration.Directory;

namespace Net.Tests.Migration.Hosting;

/// <summary>Who may speak with an ingress, and what follows when somebody may not any more.</summary>
[TestClass]
public sealed class ControlTrustTests
{
    private static readonly X509Certificate2 s_authority = Certificates.MakeAuthority("Test", DateTimeOffset.UtcNow);
    private static readonly Member A = new("a", 1);

    private readonly MemorySecrets _secrets = new(FederationKeys.Create([.. Enumerable.Range(0, FederationKeys.EntropyLength).Select(i => (byte)i)]));
    private readonly FakeRoutes _routes = new();
    private readonly List<string> _log = [];
    private readonly ControlDesk _desk;
    private Instant _now = new(1_000_000_000);

    public ControlTrustTests()
    {
        _desk = NewDesk();
    }

    /// <summary>Goal: with a roster only its members join, ask and command; everybody else is told why, and nothing else. Without one all may.</summary>
    [TestMethod]
    public void Only_members_are_heard()
    {
        _ = Join("stranger", 9).Only<WelcomeMessage>();
        _desk.OnRoster(Signed(1, 0), _now);
        _ = Join("a", 1).Only<WelcomeMessage>();
        Assert.AreEqual(1ul, Generation(Join("b", 2).Only<TrustUpdateMessage>()));
        Assert.AreEqual("c is no member of the federation: continuum trust add c, and give it the folder that this makes", Join("c", 3).Only<JoinRefusedMessage>().Reason);
        FakePeer forged = Join("a", 4, Print("other"));
        Assert.Contains("another key", forged.Only<JoinRefusedMessage>().Reason);

        FakePeer stranger = new("command", Print("other"));
        Say(stranger, new MigrateMessage(1, "web", "b", TimeSpan.FromSeconds(1)));
        Assert.AreEqual(MigrateCode.Refused, stranger.Only<MigrateReplyMessage>().Report.Code);
        Say(stranger, new DrainMessage(2, "a", "", TimeSpan.FromSeconds(1)));
        Assert.AreEqual(MigrateCode.Refused, stranger.Only<DrainReplyMessage>().Report.Code);
        Say(stranger, new StatusAskMessage(3));
        Assert.IsTrue(stranger.IsClosed);
    }

    /// <summary>Goal: a removed member is dead at once: its link ends, what it owned goes to the next host, and it does not come back, also not by a write.</summary>
    [TestMethod]
    public void A_removed_member_neither_owns_nor_asks()
    {
        _desk.OnRoster(Signed(1, 0), _now);
        FakePeer a = Join("a", 1), b = Join("b", 2);
        Say(a, new OwnershipAskMessage(new CreateOwnership(1, "web", A)));
        _desk.OnRoster(Signed(2, 1, removed: "a"), _now);
        _desk.Tick(_now);
        Assert.IsTrue(a.IsClosed);
        Assert.AreEqual(("b", 2ul), (b.Only<TakeOverMessage>().Record.Owner.Name, b.Only<TakeOverMessage>().Record.Epoch));
        Assert.AreEqual(2ul, Generation(b.Last<TrustUpdateMessage>()));
        Assert.IsEmpty(a.Heard.OfType<KeysUpdateMessage>(), "it gets no new key");

        int heard = a.Heard.Count;
        Say(a, new OwnershipAskMessage(new AbortOwnership(2, "web", A, 1)));
        Say(a, new HeartbeatMessage(1, []));
        Assert.HasCount(heard, a.Heard);
        Assert.Contains("a was removed from the federation", Join("a", 5).Only<JoinRefusedMessage>().Reason);
    }

    /// <summary>Goal: every key of the federation has another number and another secret afterwards; tags are rotated so that everybody can open what everybody writes at every step.</summary>
    [TestMethod]
    public void All_keys_rotate_when_somebody_is_removed()
    {
        _desk.OnRoster(Signed(1, 0), _now);
        FederationKeys before = _secrets.Keys;
        FakePeer b = Join("b", 2);
        _desk.OnRoster(Signed(2, 1, removed: "a"), _now);
        List<FederationKeys> told = [before, b.Last<KeysUpdateMessage>().Keys];
        while (_desk.Deadline - _now <= ControlTrust.Step)
        {
            Say(b, new HeartbeatMessage(1, []));
            _now += ControlTrust.Step;
            _desk.Tick(_now);
            if (!told[^1].Equals(b.Last<KeysUpdateMessage>().Keys))
            {
                told.Add(b.Last<KeysUpdateMessage>().Keys);
            }
        }

        Assert.HasCount(4, told);
        foreach ((FederationKeys old, FederationKeys next) in told.Zip(told.Skip(1)))
        {
            // One has heard, the other not yet: each reads what the other writes.
            Assert.IsTrue(next.Tag.TryGet(old.Tag.Current.Number, out _) && old.Tag.TryGet(next.Tag.Current.Number, out _));
        }

        FederationKeys after = told[^1];
        Assert.AreEqual(after, _secrets.Keys, "stored");
        Assert.AreEqual(after.Tag, _routes.Tags, "used");
        foreach ((KeyRing was, KeyRing now) in new[] { (before.Cid, after.Cid), (before.Reset, after.Reset), (before.Token, after.Token), (before.Tag, after.Tag) })
        {
            Assert.AreNotEqual(was.Current.Number, now.Current.Number);
            Assert.IsFalse(was.Current.Secret.Span.SequenceEqual(now.Current.Secret.Span));
        }

        Assert.AreEqual((1, 1), (after.Tag.All.Count, after.Token.All.Count), "what the removed member knew opens nothing");
        Assert.IsTrue(after.Cid.TryGet(before.Cid.Current.Number, out _), "connections that exist keep theirs");
        Span<byte> forged = stackalloc byte[IngressHeader.Length + 1];
        new IngressTags(before.Tag, 1, 2).Write(forged, new() { Type = IngressDatagram.Data, Epoch = 2, Shard = 1, Client = DeskWorld.Address(1), Public = DeskWorld.Address(2) });
        Assert.IsFalse(new IngressTags(after.Tag, 1, 2).TryOpen(forged, out _));
    }

    /// <summary>Goal: an ingress that was away during a removal makes up for it when it starts; one that is started again does not rotate again.</summary>
    [TestMethod]
    public void A_removal_is_made_up_for_once()
    {
        _desk.OnRoster(Signed(1, 0), _now);
        byte number = _secrets.Keys.Cid.Current.Number;
        ControlDesk again = NewDesk();
        again.OnRoster(Signed(2, 1, removed: "a"), _now);
        Assert.AreEqual(number + 1, _secrets.Keys.Cid.Current.Number);
        NewDesk().OnRoster(Signed(2, 1, removed: "a"), _now);
        Assert.AreEqual(number + 1, _secrets.Keys.Cid.Current.Number);
    }

    /// <summary>Goal: an older roster, an unsigned one, and no roster at all change nothing.</summary>
    [TestMethod]
    public void An_older_or_forged_roster_changes_nothing()
    {
        _desk.OnRoster(Signed(2, 1, removed: "a"), _now);
        _desk.OnRoster(Signed(1, 0), _now);
        _desk.OnRoster("", _now);
        _desk.OnRoster(Roster.Sign(9, 0, Entries(null), Certificates.MakeAuthority("Test", DateTimeOffset.UtcNow)).Text, _now);
        Assert.AreEqual(1, Join("a", 1).Heard.OfType<JoinRefusedMessage>().Count());
        _ = Join("b", 2).Only<WelcomeMessage>();
        Assert.IsTrue(_log.Any(line => line.Contains("not signed by the federation's authority", StringComparison.Ordinal)));
    }

    /// <summary>Goal: nothing secret is said in any line of the log, whatever happens to keys and members.</summary>
    [TestMethod]
    public void The_log_holds_no_secret()
    {
        All_keys_rotate_when_somebody_is_removed();
        string log = string.Join('\n', _log) + _secrets.Keys;
        foreach (FederationKey key in new[] { _secrets.Keys.Cid, _secrets.Keys.Reset, _secrets.Keys.Token, _secrets.Keys.Tag }.SelectMany(ring => ring.All))
        {
            Assert.DoesNotContain(Convert.ToHexString(key.Secret.Span), log, StringComparison.OrdinalIgnoreCase);
            Assert.DoesNotContain(Convert.ToBase64String(key.Secret.Span), log);
        }
    }

    /// <summary>Goal: whoever lags behind takes nobody back to keys from before a rotation, nor a step back within one; a federation begun anew is taken.</summary>
    [TestMethod]
    public void Former_keys_are_not_taken_again()
    {
        List<FederationKeys> steps = [FederationKeys.Create(new byte[FederationKeys.EntropyLength])];
        for (byte rotation = 1; rotation <= KeyRing.MaxKeys - 1; rotation++)
        {
            steps.Add(steps[^1].BeginRotation(Enumerable.Repeat(rotation, FederationKeys.EntropyLength).ToArray()));
            while (steps[^1].NextStep() is FederationKeys next)
            {
                steps.Add(next);
            }
        }

        Assert.AreSame(steps[0], FederationKeys.Latest(null, steps[0]));
        for (int held = 0; held < steps.Count; held++)
        {
            for (int told = 0; told < steps.Count; told++)
            {
                Assert.AreSame(steps[int.Max(held, told)], FederationKeys.Latest(steps[held], steps[told]), $"{held} holds, {told} is told");
            }
        }

        FederationKeys anew = FederationKeys.Create(Enumerable.Repeat((byte)99, FederationKeys.EntropyLength).ToArray());
        Assert.AreSame(anew, FederationKeys.Latest(steps[^1], anew));
    }

    /// <summary>Goal: tags change in three steps, so that no datagram is lost: the new key is read before it is written, and the old one is read a while longer.</summary>
    [TestMethod]
    public void A_rotation_has_three_steps()
    {
        FederationKeys keys = _secrets.Keys;
        Assert.IsNull(keys.NextStep());
        FederationKeys first = keys.BeginRotation(new byte[FederationKeys.EntropyLength]);
        Assert.AreEqual((keys.Tag.Current, 2), (first.Tag.Current, first.Tag.All.Count));
        FederationKeys second = first.NextStep()!;
        Assert.AreEqual((first.Tag.All[1], 2), (second.Tag.Current, second.Tag.All.Count));
        FederationKeys third = second.NextStep()!;
        Assert.AreEqual((second.Tag.Current, 1), (third.Tag.Current, third.Tag.All.Count));
        Assert.IsNull(third.NextStep());
    }

    private static string Print(string name) => Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(System.Text.Encoding.ASCII.GetBytes(name)));

    private static IEnumerable<RosterEntry> Entries(string? removed) =>
        new[] { "a", "b", "command", "ingress" }.Select(name => new RosterEntry(name, Print(name), name == removed));

    private static string Signed(ulong generation, ulong rotation, string? removed = null) => Roster.Sign(generation, rotation, Entries(removed), s_authority).Text;

    private static ulong Generation(TrustUpdateMessage update) => Roster.TryRead(update.Roster, [s_authority], out Roster? roster) ? roster.Generation : 0;

    private ControlDesk NewDesk() =>
        new(new EmbeddedDirectory(new MemoryStorage()), _routes, _secrets.Keys, new(), _log.Add, _now, null, new ControlTrust(_secrets, [s_authority], _log.Add));

    private FakePeer Join(string name, ulong incarnation, string? print = null)
    {
        FakePeer peer = new(name, print ?? Print(name));
        Say(peer, new JoinMessage(DeskWorld.Node(name, incarnation, "web")));
        return peer;
    }

    private void Say(FakePeer peer, LinkMessage message)
    {
        _desk.OnMessage(peer, message, _now);
        _desk.Tick(_now);
    }
}
