/** What docs/ uses of a library that comes without types. */
declare module 'swagger-ui-dist/swagger-ui-es-bundle.js' {
  import type * as React from 'react';

  /** One of the library's immutable collections. */
  export interface Collection {
    getIn(path: readonly string[]): Collection | undefined;
    toJS(): unknown;
  }

  export interface SpecSelectors {
    specJson(): Collection;
    /** By their names. */
    selectWebhooksOperations(): Record<string, unknown>;
  }

  export interface System {
    React: typeof React;
    Im: { fromJS(value: object): Collection };
    fn: { requestSnippetGenerator_curl_bash(request: Collection): string };
    specSelectors: SpecSelectors;
    layoutSelectors: { currentFilter(): string | boolean | null };
    layoutActions: {
      parseDeepLinkHash(hash: string): void;
      clearScrollTo(): void;
      updateFilter(phrase: string): void;
    };
    getComponent(name: string, isContainer?: boolean): React.ComponentType<object>;
  }

  /** Of an answer, by their names; null where there is none. */
  export interface Headers {
    filter(keep: (header: Header, name: string) => boolean): Headers;
  }
  export interface Header {
    get(name: string): unknown;
  }

  interface Props {
    path?: string;
    method?: string;
    text?: string;
    headers?: Headers | null;
    specSelectors?: SpecSelectors;
  }
  type Component = React.ComponentType<Props>;

  export interface Plugin {
    components?: Record<string, (props: System) => React.ReactNode>;
    wrapComponents?: Record<
      string,
      (Original: Component, system: System) => (props: Props) => React.ReactNode
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
