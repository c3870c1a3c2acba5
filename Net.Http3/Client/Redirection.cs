using System.Net;

namespace Net.Http3.Client;

/// <summary>Where a response sends its request to, and how the request changes on the way (RFC 9110, section 15.4), as SocketsHttpHandler does it.</summary>
internal static class Redirection
{
    /// <returns>The next URI; <c>null</c> when the response is to be returned as it is.</returns>
    public static Uri? TargetOf(HttpResponseMessage response, Uri current)
    {
        bool redirects = response.StatusCode is HttpStatusCode.Moved or HttpStatusCode.Found or HttpStatusCode.SeeOther
            or HttpStatusCode.TemporaryRedirect or HttpStatusCode.PermanentRedirect or HttpStatusCode.MultipleChoices;
        if (!redirects || response.Headers.Location is not Uri location)
        {
            return null;
        }

        Uri target = location.IsAbsoluteUri ? location : new(current, location);
        if (current.Fragment.Length > 0 && target.Fragment.Length == 0)
        {
            // RFC 9110, section 10.2.2: the fragment is inherited.
            target = new UriBuilder(target) { Fragment = current.Fragment }.Uri;
        }

        // Never from a protected connection to an open one.
        return target.Scheme == Uri.UriSchemeHttps ? target : null;
    }

    public static void Apply(HttpRequestMessage request, HttpStatusCode status, Uri target)
    {
        // Who may see the credentials is known for the first origin alone.
        request.Headers.Authorization = null;
        request.RequestUri = target;
        bool becomesGet = status switch
        {
            HttpStatusCode.Moved or HttpStatusCode.Found or HttpStatusCode.MultipleChoices => request.Method == HttpMethod.Post,
            HttpStatusCode.SeeOther => request.Method != HttpMethod.Get && request.Method != HttpMethod.Head,
            _ => false,
        };
        if (becomesGet)
        {
            request.Method = HttpMethod.Get;
            request.Content = null;
            request.Headers.ExpectContinue = null;
            request.Headers.TransferEncodingChunked = false;
        }
    }
}
