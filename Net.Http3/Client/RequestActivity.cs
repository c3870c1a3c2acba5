using System.Diagnostics;
using Net.Http3.Client.Hosting;

namespace Net.Http3.Client;

/// <summary>The activity around one request, as SocketsHttpHandler makes it: same source, name and tags, and the same headers to the server.</summary>
internal sealed class RequestActivity : IDisposable
{
    private const string Name = "System.Net.Http.HttpRequestOut";

    private static readonly ActivitySource s_source = new("System.Net.Http");

    private readonly Activity _activity;

    private RequestActivity(Activity activity) => _activity = activity;

    /// <summary>Begins an activity if anybody wants one, and puts its context among the request's headers.</summary>
    /// <param name="propagator">Writes the headers; <c>null</c>: neither headers nor an activity.</param>
    /// <param name="added">Keeps which headers are ours.</param>
    /// <param name="isRepeated">The request was sent before, with the headers of another activity.</param>
    public static RequestActivity? Start(HttpRequestMessage request, DistributedContextPropagator? propagator, AddedFields added, bool isRepeated)
    {
        if (propagator is null)
        {
            return null;
        }

        // Somebody's trace goes on in the server even if nobody here listens.
        Activity? activity = s_source.HasListeners() ? s_source.StartActivity(Name, ActivityKind.Client) : null;
        activity ??= Activity.Current is null ? null : new Activity(Name).Start();
        if (activity is null)
        {
            return null;
        }

        if (isRepeated)
        {
            foreach (string field in propagator.Fields)
            {
                added.Remove(field);
            }
        }

        propagator.Inject(activity, added, static (carrier, field, value) => ((AddedFields)carrier!).TryAdd(field, value));
        if (activity.IsAllDataRequested)
        {
            Describe(activity, request);
        }

        return new(activity);
    }

    public void OnResponse(HttpResponseMessage response)
    {
        if (_activity.IsAllDataRequested)
        {
            _activity.SetTag("http.response.status_code", (int)response.StatusCode);
            _activity.SetTag("network.protocol.version", "3");
        }

        Judge(HttpTags.ErrorOf(response, null));
    }

    public void OnError(Exception error)
    {
        Judge(HttpTags.ErrorOf(null, error));
        if (_activity.IsAllDataRequested)
        {
            _activity.AddException(error);
        }
    }

    public void Dispose() => _activity.Dispose();

    private static void Describe(Activity activity, HttpRequestMessage request)
    {
        Uri uri = request.RequestUri!;
        string method = HttpTags.MethodOf(request.Method);
        activity.DisplayName = method == "_OTHER" ? "HTTP" : method;
        activity.SetTag("http.request.method", method);
        if (method != request.Method.Method)
        {
            activity.SetTag("http.request.method_original", request.Method.Method);
        }

        activity.SetTag("server.address", uri.IdnHost);
        activity.SetTag("server.port", uri.Port);
        // What stands in a query may be a secret; so the base library writes as little of it.
        activity.SetTag("url.full", uri.GetLeftPart(UriPartial.Path) + (uri.Query.Length > 0 ? "?*" : ""));
    }

    private void Judge(string? error)
    {
        if (error is not null)
        {
            _activity.SetStatus(ActivityStatusCode.Error);
            _activity.SetTag("error.type", error);
        }
    }
}
