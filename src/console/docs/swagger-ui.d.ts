/** What docs/ uses of a library that comes without types. */
declare module 'swagger-ui-dist/swagger-ui-es-bundle.js' {
  import type * as React from 'react';

  /** One of the library's immutable collections. */
  export interface Collection {
    getIn(path: readonly string[]): Collection | undefined;
    toJS(): unknown;
  }

  export interface System {
    React: typeof React;
    Im: { fromJS(value: object): Collection };
    fn: { requestSnippetGenerator_curl_bash(request: Collection): string };
    specSelectors: { specJson(): Collection };
    layoutSelectors: { currentFilter(): string | boolean | null };
    layoutActions: {
      parseDeepLinkHash(hash: string): void;
      clearScrollTo(): void;
      updateFilter(phrase: string): void;
    };
    getComponent(name: string, isContainer?: boolean): React.ComponentType<object>;
  }

  type Component = React.ComponentType<Record<string, string>>;

  export interface Plugin {
    components?: Record<string, (props: System) => React.ReactNode>;
    wrapComponents?: Record<
      string,
      (Original: Component, system: System) => (props: Record<string, string>) => React.ReactNode
    >;
    fn?: Record<string, unknown>;
  }

  interface Request {
    url: string;
    headers: Record<string, string>;
    credentials: RequestCredentials;
  }

  export default function SwaggerUI(options: {
    url: string;
    dom_id: string;
    layout: string;
    plugins: readonly Plugin[];
    deepLinking: boolean;
    filter: boolean;
    docExpansion: 'list' | 'full' | 'none';
    defaultModelsExpandDepth: number;
    persistAuthorization: boolean;
    syntaxHighlight: { theme: string };
    displayRequestDuration: boolean;
    validatorUrl: null;
    requestInterceptor(request: Request): Request;
    onComplete(): void;
  }): { getSystem(): System };
}
