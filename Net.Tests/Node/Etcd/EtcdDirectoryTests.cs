using System.Text;
using Net.Migration.Directory;
using Net.Node.Etcd;
using Net.Tests.Migration.Directory;

namespace Net.Tests.Node.Etcd;

[TestClass]
public sealed class EtcdDirectoryTests : DirectoryContract
{
    private readonly FakeEtcd _etcd = new();

    private protected override async Task<IDirectoryUnderTest> OpenAsync() => await EtcdSide.OpenAsync(_etcd);

    /// <summary>Goal: what one ingress writes is told to the other, in order.</summary>
    [TestMethod]
    public async Task Another_ingress_is_told()
    {
        await using EtcdSide one = await EtcdSide.OpenAsync(_etcd), two = await EtcdSide.OpenAsync(_etcd, "two");
        Assert.AreEqual((1u, 2u), (one.Opened.Number, two.Opened.Number));
        _ = await one.AskAsync(new CreateOwnership(1, "web", A), A);
        _ = await one.AskAsync(new MoveOwnership(2, "web", A, 1, B, Hash), A);
        await two.UntilAsync(() => two.Directory.Records.Any(record => record.Epoch == 2));
        Assert.AreEqual("1 2", string.Join(' ', Changes(two).Select(record => record.Epoch)));
    }

    /// <summary>Goal: who knows only what was is answered by what is: neither a write nor a refusal rests on old knowledge.</summary>
    [TestMethod]
    public async Task A_stale_view_decides_nothing()
    {
        await using EtcdSide one = await EtcdSide.OpenAsync(_etcd), two = await EtcdSide.OpenAsync(_etcd, "two");
        _ = await one.AskAsync(new CreateOwnership(1, "web", A), A);
        await two.UntilAsync(() => two.Directory.Records.Count == 1);
        _etcd.HoldWatches(true);
        OwnershipAnswer moved = await one.AskAsync(new MoveOwnership(2, "web", A, 1, B, Hash), A);
        Assert.AreEqual(1ul, two.Directory.Records.Single().Epoch, "it has not heard");

        OwnershipAnswer abort = await two.AskAsync(new AbortOwnership(3, "web", A, 1), A);
        Assert.AreEqual((OwnershipOutcome.Conflict, moved.Record), (abort.Outcome, abort.Record), "a write that came too late");
        _ = await one.AskAsync(new AbortOwnership(4, "web", B, 2), B);
        OwnershipAnswer next = await two.AskAsync(new MoveOwnership(5, "web", B, 3, A, Hash), B);
        Assert.AreEqual((OwnershipOutcome.Done, 4ul), (next.Outcome, next.Record!.Epoch), "a write of an epoch that it had not heard of");
        Assert.AreEqual(4ul, (await one.AskAsync(new ReadOwnership(6, "web"), A)).Record!.Epoch);
        _etcd.HoldWatches(false);
        Assert.AreEqual("1 2 3 4", string.Join(' ', Changes(two).Select(record => record.Epoch)), "what is late is not told again");
    }

    /// <summary>Goal: two ingresses that give out shards at the same time give out two.</summary>
    [TestMethod]
    public async Task Shards_differ_across_ingresses()
    {
        await using EtcdSide one = await EtcdSide.OpenAsync(_etcd), two = await EtcdSide.OpenAsync(_etcd, "two");
        _etcd.HoldWatches(true);
        OwnershipAnswer web = await one.AskAsync(new CreateOwnership(1, "web", A), A), api = await two.AskAsync(new CreateOwnership(1, "api", B), B);
        OwnershipAnswer late = await two.AskAsync(new CreateOwnership(2, "web", B), B);
        Assert.AreEqual((1u, 2u), (web.Record!.Shard, api.Record!.Shard));
        Assert.AreEqual((OwnershipOutcome.Conflict, web.Record), (late.Outcome, late.Record));
    }

    /// <summary>Goal: a write whose answer was lost is silence, its repetition finds it done, and the epoch has moved once.</summary>
    [TestMethod]
    public async Task A_lost_answer_is_found_by_its_repetition()
    {
        await using EtcdSide one = await EtcdSide.OpenAsync(_etcd);
        _ = await one.AskAsync(new CreateOwnership(1, "web", A), A);
        _etcd.AnswersToLose = 1;
        one.Directory.Submit(new MoveOwnership(2, "web", A, 1, B, Hash), A);
        await one.UntilAsync(() => one.Directory.Trouble is not null);
        Assert.IsFalse(one.Directory.TryTakeAnswer(out _));
        OwnershipAnswer again = await one.AskAsync(new MoveOwnership(3, "web", A, 1, B, Hash), A);
        Assert.AreEqual((OwnershipOutcome.Done, 2ul, B), (again.Outcome, again.Record!.Epoch, again.Record.Owner));
        Assert.IsNull(one.Directory.Trouble);
    }

    /// <summary>Goal: a cluster that is away is trouble with a remedy; it ends by itself when the cluster is back, and old requests are not carried out then.</summary>
    [TestMethod]
    public async Task It_recovers_when_etcd_is_back()
    {
        await using EtcdSide one = await EtcdSide.OpenAsync(_etcd);
        _ = await one.AskAsync(new CreateOwnership(1, "web", A), A);
        await one.BreakAsync();
        Assert.AreEqual("fake does not answer: nothing moves until it does, clients are served meanwhile", one.Directory.Trouble);
        _etcd.IsDown = false;
        await one.TurnUntilAsync(() => one.Directory.Trouble is null);

        Assert.AreEqual(2ul, (await one.AskAsync(new AbortOwnership(2, "web", A, 1), A)).Record!.Epoch);
    }

    /// <summary>Goal: a watch that ends with its member is no trouble, and nothing of what happened meanwhile is missed.</summary>
    [TestMethod]
    public async Task A_watch_that_ends_is_begun_again()
    {
        await using EtcdSide one = await EtcdSide.OpenAsync(_etcd), two = await EtcdSide.OpenAsync(_etcd, "two");
        _etcd.HoldWatches(true);
        _ = await one.AskAsync(new CreateOwnership(1, "web", A), A);
        _etcd.EndWatches();
        _etcd.HoldWatches(false);
        await two.TurnUntilAsync(() => two.Directory.Records.Count > 0);

        Assert.IsNull(two.Directory.Trouble);
    }

    /// <summary>Goal: a member is seen while any ingress that lives sees it; an ingress that ends sees nobody, and one that comes back has its number again.</summary>
    [TestMethod]
    public async Task Members_are_seen_under_a_lease()
    {
        await using EtcdSide one = await EtcdSide.OpenAsync(_etcd);
        EtcdSide two = await EtcdSide.OpenAsync(_etcd, "two");
        two.Opened.Report(A, isAlive: true);
        two.Opened.Report(B, isAlive: true);
        await one.UntilAsync(() => one.Opened.IsSeenElsewhere(A) && one.Opened.IsSeenElsewhere(B));
        Assert.IsFalse(two.Opened.IsSeenElsewhere(A), "by itself does not count");
        Assert.IsFalse(one.Opened.IsSeenElsewhere(A with { Incarnation = 9 }), "another life");
        two.Opened.Report(B, isAlive: false);
        await one.UntilAsync(() => !one.Opened.IsSeenElsewhere(B));
        Assert.IsTrue(one.Opened.IsSeenElsewhere(A));
        Assert.AreEqual("1 2", string.Join(' ', one.Opened.Ingresses.Select(ingress => ingress.Number).Order()));

        _etcd.Expire(_etcd.Leases.Max());
        await one.UntilAsync(() => !one.Opened.IsSeenElsewhere(A) && one.Opened.Ingresses.Count == 1);
        await two.DisposeAsync();
        await using EtcdSide three = await EtcdSide.OpenAsync(_etcd, "three"), again = await EtcdSide.OpenAsync(_etcd, "two");
        Assert.AreEqual((3u, 2u), (three.Opened.Number, again.Opened.Number));
    }

    /// <summary>Goal: an ingress whose lease has ended while it lives says all of it anew.</summary>
    [TestMethod]
    public async Task A_lease_that_ended_is_made_anew()
    {
        await using EtcdSide one = await EtcdSide.OpenAsync(_etcd), two = await EtcdSide.OpenAsync(_etcd, "two");
        two.Opened.Report(A, isAlive: true);
        await one.UntilAsync(() => one.Opened.IsSeenElsewhere(A));
        _etcd.Expire(_etcd.Leases.Max());
        await one.UntilAsync(() => one.Opened.Ingresses.Count == 1);
        await two.TurnUntilAsync(() => one.Opened.IsSeenElsewhere(A) && one.Opened.Ingresses.Count == 2);
    }

    /// <summary>Goal: a cluster that has forgotten would let an epoch be used twice: nothing is written any more, and that is said.</summary>
    [TestMethod]
    public async Task A_cluster_that_forgot_is_not_trusted()
    {
        await using EtcdSide one = await EtcdSide.OpenAsync(_etcd);
        _ = await one.AskAsync(new CreateOwnership(1, "web", A), A);
        _etcd.Forget();
        one.Directory.Submit(new CreateOwnership(2, "web", B), B);
        await one.UntilAsync(() => one.Directory.Trouble is not null);
        Assert.Contains("has lost what it knew of", one.Directory.Trouble!);
        Assert.IsFalse(one.Directory.TryTakeAnswer(out _));
        Assert.DoesNotContain("/test/records/web", _etcd.Keys());
    }

    /// <summary>Goal: it stays untrusted when its revisions have passed what was known before: epochs that it forgot may be used twice all the same.</summary>
    [TestMethod]
    public void A_cluster_that_forgot_is_not_trusted_later()
    {
        EtcdView view = new(new("/test/"));
        view.Apply(new EtcdSnapshot(5, []), 0);
        Assert.IsNull(view.Lost);
        view.OnAnswer(3, before: view.Revision);
        Assert.AreEqual("everything", view.Lost);
        view.Apply(new EtcdSnapshot(9, []), view.Revision);
        Assert.AreEqual("everything", view.Lost);
    }

    /// <summary>Goal: somebody who writes nonsense, an older record, or removes one, is noticed.</summary>
    [TestMethod]
    [DataRow("nonsense")]
    [DataRow("older")]
    [DataRow("removed")]
    public async Task Damage_is_noticed(string kind)
    {
        await using EtcdSide one = await EtcdSide.OpenAsync(_etcd);
        _ = await one.AskAsync(new CreateOwnership(1, "web", A), A);
        byte[] older = _etcd.Value("/test/records/web");
        _ = await one.AskAsync(new AbortOwnership(2, "web", A, 1), A);
        _etcd.Put("/test/records/web", kind switch { "nonsense" => "hello"u8.ToArray(), "older" => older, _ => null });
        await one.UntilAsync(() => one.Directory.Trouble is not null);
        Assert.AreEqual("etcd://fake:1 has lost what it knew of web: nothing moves any more; restore its data, then start the ingresses again", one.Directory.Trouble);
        Assert.AreEqual(2ul, one.Directory.Records.Single().Epoch);
    }

    /// <summary>Goal: all ingresses have one set of keys, which etcd holds sealed; without the secret there is no ingress.</summary>
    [TestMethod]
    public async Task Keys_are_shared_and_sealed()
    {
        await using EtcdSide one = await EtcdSide.OpenAsync(_etcd), two = await EtcdSide.OpenAsync(_etcd, "two");
        Assert.AreEqual(one.Opened.Keys, two.Opened.Keys);
        byte[] stored = _etcd.Value("/test/keys");
        foreach (byte[] key in new[] { one.Opened.Keys.Cid, one.Opened.Keys.Reset, one.Opened.Keys.Token, one.Opened.Keys.Tag }.Select(ring => ring.Current.Secret.ToArray()))
        {
            Assert.IsTrue(stored.AsSpan().IndexOf(key) < 0);
            Assert.IsTrue(_etcd.Keys().All(name => Encoding.UTF8.GetString(_etcd.Value(name)).IndexOf(Convert.ToHexStringLower(key), StringComparison.Ordinal) < 0));
        }

        EtcdException refused = await Assert.ThrowsExactlyAsync<EtcdException>(() => EtcdSide.OpenAsync(_etcd, "three", new byte[32]));
        Assert.Contains("sealed with another secret: give this ingress the trust folder", refused.Message);
    }

    /// <summary>Goal: requests that nobody waits for any more are not carried out when etcd is back, and a queue that is full drops.</summary>
    [TestMethod]
    public async Task Requests_age()
    {
        await using EtcdSide one = await EtcdSide.OpenAsync(_etcd);
        _ = await one.AskAsync(new CreateOwnership(1, "web", A), A);
        await one.BreakAsync();
        for (int i = 0; i < EtcdDirectory.MaxQueued + 10; i++)
        {
            one.Directory.Submit(new ReadOwnership((ulong)i, "web"), A);
        }

        Assert.IsFalse(one.Directory.TryTakeAnswer(out _));
    }
}
